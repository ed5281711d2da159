"""Decoding of image files to arrays of one size."""

from imfeat.decoding.decode import DECODES as DECODES
from imfeat.decoding.decode import FITS as FITS
from imfeat.decoding.decode import FORMATS as FORMATS
from imfeat.decoding.decode import MAX_BYTES as MAX_BYTES
from imfeat.decoding.decode import as_pair as as_pair
from imfeat.decoding.decode import decode_all as decode_all
from imfeat.decoding.decode import decode_or_reason as decode_or_reason
from imfeat.decoding.decode import reason_of as reason_of
from imfeat.decoding.memory import bytes_of_image as bytes_of_image
