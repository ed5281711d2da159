"""The loops of imfeat, one package a device: ``cpu`` here, the same names on others."""
