#!/bin/sh
# provision.sh: the Dockerfile's steps on a Debian 12 machine of one's own. Wants root; a second run changes nothing.
set -eu
cd "$(dirname "$0")"
sh install-packages.sh build-packages.txt
sh build-caffe.sh /opt/caffe
sh install-packages.sh run-packages.txt /opt/caffe/packages.txt
# Every Python 3 finds it, whichever way it is started.
echo /opt/caffe >"$(python3 -c 'import site; print(site.getsitepackages()[0])')/caffe.pth"
