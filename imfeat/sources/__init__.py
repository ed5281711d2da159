"""Sources of images, as folders, archives and Parquet files, and the bytes of the images in them."""

from imfeat.sources._archives import ARCHIVES as ARCHIVES
from imfeat.sources._columns import field_of as field_of
from imfeat.sources._item import Item as Item
from imfeat.sources._paths import absolute as absolute
from imfeat.sources._paths import shown as shown
from imfeat.sources._tables import TABLES as TABLES
from imfeat.sources.find import find as find
