#!/bin/sh
# install-packages.sh LIST...: installs the Debian packages that the lists name, and keeps no package index. Wants root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# The lists hold one name a line; a # begins a comment.
sed 's/#.*//' "$@" | xargs apt-get install -q -y --no-install-recommends
rm -rf /var/lib/apt/lists/*
