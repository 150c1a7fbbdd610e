# Real BVLC Caffe and dreamify.
#
#   docker build -t dreamify .                            then  docker run --rm -v "$PWD:/data" dreamify in.jpg out.png
#   docker build --build-arg CUDA=1 -t dreamify:cuda .    then  docker run --rm --gpus all -v ...
#
# MODEL_MIRROR: an address that holds bvlc_googlenet/deploy.prototxt and .caffemodel, asked before the usual ones.

ARG CUDA
ARG CUDA_BUILD_BASE=${CUDA:+nvidia/cuda:11.8.0-devel-ubuntu22.04}
ARG CUDA_RUN_BASE=${CUDA:+nvidia/cuda:11.8.0-runtime-ubuntu22.04}
ARG BUILD_BASE=${CUDA_BUILD_BASE:-debian:bookworm-slim}
ARG RUN_BASE=${CUDA_RUN_BASE:-debian:bookworm-slim}

FROM ${BUILD_BASE} AS caffe
COPY docker/install-packages.sh docker/build-packages.txt /build/
RUN /build/install-packages.sh /build/build-packages.txt
COPY docker/build-caffe.sh docker/patch_caffe.py docker/requirements.txt /build/
ARG CAFFE_REPO
ARG CAFFE_COMMIT
ARG CUDA
RUN /build/build-caffe.sh /opt/caffe

FROM ${RUN_BASE} AS run
COPY --from=caffe /opt/caffe /opt/caffe
COPY docker/install-packages.sh docker/run-packages.txt /build/
RUN /build/install-packages.sh /build/run-packages.txt /opt/caffe/packages.txt && rm -r /build
ENV PYTHONPATH=/opt/caffe

FROM run AS dreamify
COPY . /opt/dreamify
ARG MODEL_MIRROR
RUN DREAMIFY_MODELS=/opt/dreamify/models DREAMIFY_MIRROR=$MODEL_MIRROR \
    python3 /opt/dreamify/dreamify.py models fetch bvlc_googlenet \
    && chmod -R a+rX /opt/dreamify

FROM run
COPY --from=dreamify /opt/dreamify /opt/dreamify
# Caffe reads its net from a file; of a --read-only container this is the one folder that can be written.
ENV TMPDIR=/dev/shm
USER 1000:1000
RUN python3 /opt/dreamify/docker/self_check.py
WORKDIR /data
# Like Ctrl-C: the picture so far is kept.
STOPSIGNAL SIGINT
ENTRYPOINT ["python3", "/opt/dreamify/dreamify.py"]
