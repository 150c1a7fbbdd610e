"""Reads Caffe's file formats without Caffe: the layers of a net and its weights. Runs no layers."""
