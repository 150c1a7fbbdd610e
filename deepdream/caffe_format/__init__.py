"""Caffe's own files, read without Caffe: what a net is made of, and the numbers in it. Computes nothing."""
