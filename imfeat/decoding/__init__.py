"""Decoding of image files to arrays."""

from imfeat.decoding.decode import DECODES as DECODES
from imfeat.decoding.decode import FITS as FITS
from imfeat.decoding.decode import FORMATS as FORMATS
from imfeat.decoding.decode import MAX_BYTES as MAX_BYTES
from imfeat.decoding.decode import Decode as Decode
from imfeat.decoding.decode import Fit as Fit
from imfeat.decoding.decode import check_decode as check_decode
from imfeat.decoding.decode import decode_all as decode_all
from imfeat.decoding.decode import decode_or_reason as decode_or_reason
from imfeat.decoding.decode import reason_of as reason_of
from imfeat.decoding.size import ImageSize as ImageSize
from imfeat.decoding.size import as_pair as as_pair
from imfeat.decoding.size import as_size as as_size
from imfeat.decoding.size import longest_side as longest_side
