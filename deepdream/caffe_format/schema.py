"""Defines message classes for the part of Caffe's protobuf schema that dreaming needs.

The schema has its own DescriptorPool, so it cannot clash with the one that `import caffe` registers, and it works with
any protobuf release. Field names and numbers are those of BVLC Caffe's caffe.proto (commit 9b891540).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from .message import Message, MessageClass

# "[repeated|packed] TYPE NAME NUMBER [= DEFAULT]" for each field. Packed floats have the wire format of a byte string,
# so they are declared as bytes: reading 50 MB of weights then creates no Python object per number.
_LAYER_PARAMS = {
    "ArgMaxParameter": "bool out_max_val 1 = false; uint32 top_k 2 = 1; int32 axis 3",
    "BatchNormParameter": "bool use_global_stats 1; float eps 3 = 1e-05",
    "BiasParameter": "int32 axis 1 = 1; int32 num_axes 2 = 1",
    "ClipParameter": "float min 1; float max 2",
    "ConcatParameter": "int32 axis 2 = 1; uint32 concat_dim 1 = 1",
    "ConvolutionParameter": (
        "uint32 num_output 1; bool bias_term 2 = true; repeated uint32 pad 3; repeated uint32 kernel_size 4; "
        "repeated uint32 stride 6; repeated uint32 dilation 18; uint32 pad_h 9; uint32 pad_w 10; uint32 kernel_h 11; "
        "uint32 kernel_w 12; uint32 stride_h 13; uint32 stride_w 14; uint32 group 5 = 1; int32 axis 16 = 1; "
        "repeated uint32 hole 1001; uint32 hole_h 1002; uint32 hole_w 1003"
    ),
    "CropParameter": "int32 axis 1 = 2; repeated uint32 offset 2",
    "DummyDataParameter": (
        "repeated FillerParameter data_filler 1; repeated BlobShape shape 6; repeated uint32 num 2; "
        "repeated uint32 channels 3; repeated uint32 height 4; repeated uint32 width 5"
    ),
    "ELUParameter": "float alpha 1 = 1",
    "EltwiseParameter": (
        "EltwiseParameter.EltwiseOp operation 1 = SUM; repeated float coeff 2; bool stable_prod_grad 3 = true"
    ),
    "ExpParameter": "float base 1 = -1; float scale 2 = 1; float shift 3 = 0",
    "FlattenParameter": "int32 axis 1 = 1; int32 end_axis 2 = -1",
    "InnerProductParameter": (
        "uint32 num_output 1; bool bias_term 2 = true; int32 axis 5 = 1; bool transpose 6 = false"
    ),
    "InputParameter": "repeated BlobShape shape 1",
    "LRNParameter": (
        "uint32 local_size 1 = 5; float alpha 2 = 1; float beta 3 = 0.75; "
        "LRNParameter.NormRegion norm_region 4 = ACROSS_CHANNELS; float k 5 = 1"
    ),
    "LogParameter": "float base 1 = -1; float scale 2 = 1; float shift 3 = 0",
    "LossParameter": (
        "int32 ignore_label 1; LossParameter.NormalizationMode normalization 3 = VALID; bool normalize 2"
    ),
    "MVNParameter": "bool normalize_variance 1 = true; bool across_channels 2 = false; float eps 3 = 1e-09",
    "NormalizeParameter": "bool across_spatial 1 = true; bool channel_shared 3 = true; float eps 4 = 1e-10",
    "PermuteParameter": "repeated uint32 order 1",
    "PoolingParameter": (
        "PoolingParameter.PoolMethod pool 1 = MAX; uint32 pad 4 = 0; uint32 pad_h 9; uint32 pad_w 10; "
        "uint32 kernel_size 2; uint32 kernel_h 5; uint32 kernel_w 6; uint32 stride 3 = 1; uint32 stride_h 7; "
        "uint32 stride_w 8; bool global_pooling 12 = false; PoolingParameter.RoundMode round_mode 13 = CEIL; "
        "bool ceil_mode 1001"
    ),
    "PowerParameter": "float power 1 = 1; float scale 2 = 1; float shift 3 = 0",
    "PReLUParameter": "bool channel_shared 2 = false",
    "ReLUParameter": "float negative_slope 1 = 0",
    "ReductionParameter": "ReductionParameter.ReductionOp operation 1 = SUM; int32 axis 2 = 0; float coeff 3 = 1",
    "ReshapeParameter": "BlobShape shape 1; int32 axis 2 = 0; int32 num_axes 3 = -1",
    "ScaleParameter": "int32 axis 1 = 1; int32 num_axes 2 = 1; bool bias_term 4 = false",
    "ShuffleChannelParameter": "uint32 group 1 = 1",
    "SliceParameter": "int32 axis 3 = 1; repeated uint32 slice_point 2; uint32 slice_dim 1 = 1",
    "SoftmaxParameter": "int32 axis 2 = 1",
    "SigmoidParameter": "",
    "SwishParameter": "float beta 1 = 1",
    "TanHParameter": "",
    "ThresholdParameter": "float threshold 1 = 0",
    "TileParameter": "int32 axis 1 = 1; int32 tiles 2",
}

MESSAGES = {
    "BlobShape": "repeated int64 dim 1",
    "BlobProto": (
        "BlobShape shape 7; bytes data 5; bytes double_data 8; int32 raw_data_type 10; bytes raw_data 12; "
        "int32 num 1; int32 channels 2; int32 height 3; int32 width 4"
    ),
    "NetStateRule": (
        "Phase phase 1; int32 min_level 2; int32 max_level 3; repeated string stage 4; repeated string not_stage 5"
    ),
    "ParamSpec": "string name 1; float lr_mult 3 = 1",
    "NetState": "Phase phase 1 = TEST; int32 level 2 = 0; repeated string stage 3",
    "FillerParameter": (
        "string type 1; float value 2 = 0; float min 3 = 0; float max 4 = 1; float mean 5 = 0; float std 6 = 1; "
        "int32 sparse 7 = -1"
    ),
    # The size of the pictures that a data layer reads.
    "TransformationParameter": (
        "uint32 crop_size 3; float scale 1 = 1; bool mirror 2; string mean_file 4; repeated float mean_value 5; "
        "bool force_color 6; bool force_gray 7"
    ),
    "DataParameter": "uint32 crop_size 5",
    "ImageDataParameter": "uint32 crop_size 5; uint32 new_height 9; uint32 new_width 10; bool is_color 11 = true",
    "WindowDataParameter": "uint32 crop_size 5",
    "MemoryDataParameter": "uint32 batch_size 1; uint32 channels 2; uint32 height 3; uint32 width 4",
    # The format of 2013, inside a V1LayerParameter.
    "V0LayerParameter": (
        "string name 1; string type 2; uint32 num_output 3; bool biasterm 4 = true; uint32 pad 7; uint32 kernelsize 8; "
        "uint32 group 9 = 1; uint32 stride 10 = 1; PoolingParameter.PoolMethod pool 11 = MAX; "
        "uint32 local_size 13 = 5; float alpha 14 = 1; float beta 15 = 0.75; float k 22 = 1; "
        "uint32 cropsize 20; uint32 concat_dim 65 = 1"
    ),
    **_LAYER_PARAMS,
    # norm_param and permute_param are of the SSD branch, shuffle_channel_param is of ShuffleNet's.
    "LayerParameter": (
        "string name 1; string type 2; repeated string bottom 3; repeated string top 4; repeated float loss_weight 5; "
        "repeated ParamSpec param 6; repeated BlobProto blobs 7; repeated bool propagate_down 11; "
        "repeated NetStateRule include 8; repeated NetStateRule exclude 9; "
        "TransformationParameter transform_param 100; ArgMaxParameter argmax_param 103; "
        "BatchNormParameter batch_norm_param 139; BiasParameter bias_param 141; ClipParameter clip_param 148; "
        "ConcatParameter concat_param 104; ConvolutionParameter convolution_param 106; CropParameter crop_param 144; "
        "DataParameter data_param 107; DummyDataParameter dummy_data_param 109; EltwiseParameter eltwise_param 110; "
        "ELUParameter elu_param 140; ExpParameter exp_param 111; FlattenParameter flatten_param 135; "
        "ImageDataParameter image_data_param 115; InnerProductParameter inner_product_param 117; "
        "InputParameter input_param 143; LogParameter log_param 134; LRNParameter lrn_param 118; "
        "LossParameter loss_param 101; MemoryDataParameter memory_data_param 119; MVNParameter mvn_param 120; "
        "NormalizeParameter norm_param 206; PermuteParameter permute_param 202; PoolingParameter pooling_param 121; "
        "PowerParameter power_param 122; "
        "PReLUParameter prelu_param 131; ReductionParameter reduction_param 136; ReLUParameter relu_param 123; "
        "ReshapeParameter reshape_param 133; ScaleParameter scale_param 142; "
        "ShuffleChannelParameter shuffle_channel_param 1001; SliceParameter slice_param 126; "
        "SoftmaxParameter softmax_param 125; SwishParameter swish_param 147; ThresholdParameter threshold_param 128; "
        "TileParameter tile_param 138; WindowDataParameter window_data_param 129; "
        "SigmoidParameter sigmoid_param 124; TanHParameter tanh_param 127"
    ),
    # The format of files written before December 2014. Its parameter messages number their fields differently, so they
    # can be read from text only, by name. Reading weights needs just the name and the blobs.
    "V1LayerParameter": (
        "V0LayerParameter layer 1; repeated string bottom 2; repeated string top 3; string name 4; "
        "V1LayerParameter.LayerType type 5; repeated string param 1001; repeated float loss_weight 35; "
        "repeated BlobProto blobs 6; repeated NetStateRule include 32; repeated NetStateRule exclude 33; "
        "TransformationParameter transform_param 36; ArgMaxParameter argmax_param 23; ConcatParameter concat_param 9; "
        "ConvolutionParameter convolution_param 10; DataParameter data_param 11; "
        "DummyDataParameter dummy_data_param 26; EltwiseParameter eltwise_param 24; ExpParameter exp_param 41; "
        "ImageDataParameter image_data_param 15; InnerProductParameter inner_product_param 17; "
        "LRNParameter lrn_param 18; LossParameter loss_param 42; MemoryDataParameter memory_data_param 22; "
        "MVNParameter mvn_param 34; PoolingParameter pooling_param 19; PowerParameter power_param 21; "
        "ReLUParameter relu_param 30; SliceParameter slice_param 31; SoftmaxParameter softmax_param 39; "
        "ThresholdParameter threshold_param 25; "
        "WindowDataParameter window_data_param 20; SigmoidParameter sigmoid_param 38; TanHParameter tanh_param 37"
    ),
    "NetParameter": (
        "string name 1; repeated string input 3; repeated BlobShape input_shape 8; repeated int32 input_dim 4; "
        "bool force_backward 5; NetState state 6; repeated LayerParameter layer 100; "
        "repeated V1LayerParameter layers 2"
    ),
}

ENUMS = {
    "Phase": "TRAIN 0; TEST 1",
    "EltwiseParameter.EltwiseOp": "PROD 0; SUM 1; MAX 2",
    "LRNParameter.NormRegion": "ACROSS_CHANNELS 0; WITHIN_CHANNEL 1",
    "LossParameter.NormalizationMode": "FULL 0; VALID 1; BATCH_SIZE 2; NONE 3",
    "PoolingParameter.PoolMethod": "MAX 0; AVE 1; STOCHASTIC 2",
    "ReductionParameter.ReductionOp": "SUM 1; ASUM 2; SUMSQ 3; MEAN 4",
    "PoolingParameter.RoundMode": "CEIL 0; FLOOR 1",
    "V1LayerParameter.LayerType": (
        "NONE 0; ABSVAL 35; ACCURACY 1; ARGMAX 30; BNLL 2; CONCAT 3; CONTRASTIVE_LOSS 37; CONVOLUTION 4; DATA 5; "
        "DECONVOLUTION 39; DROPOUT 6; DUMMY_DATA 32; EUCLIDEAN_LOSS 7; ELTWISE 25; EXP 38; FLATTEN 8; HDF5_DATA 9; "
        "HDF5_OUTPUT 10; HINGE_LOSS 28; IM2COL 11; IMAGE_DATA 12; INFOGAIN_LOSS 13; INNER_PRODUCT 14; LRN 15; "
        "MEMORY_DATA 29; MULTINOMIAL_LOGISTIC_LOSS 16; MVN 34; POOLING 17; POWER 26; RELU 18; SIGMOID 19; "
        "SIGMOID_CROSS_ENTROPY_LOSS 27; SILENCE 36; SOFTMAX 20; SOFTMAX_LOSS 21; SPLIT 22; SLICE 33; TANH 23; "
        "WINDOW_DATA 24; THRESHOLD 31"
    ),
}

_Field = descriptor_pb2.FieldDescriptorProto


class Schema:
    """The classes of messages that are declared in the notation above, in a DescriptorPool of their own.

    Args:
        package: the package that the messages are in.
        messages: {name: fields}.
        enums: {name: values}; NAME.ENUM is inside a message. Two of them may then have values of the same name.
    """

    def __init__(self, package: str, messages: Mapping[str, str], enums: Mapping[str, str]):
        self._package, self._messages, self._enums = package, messages, enums
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.AddSerializedFile(self._file().SerializeToString())

    def message(self, name: str) -> MessageClass:
        """The class of a message."""
        descriptor = self._pool.FindMessageTypeByName(self._package + "." + name)
        if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
            return message_factory.GetMessageClass(descriptor)
        return message_factory.MessageFactory(self._pool).GetPrototype(descriptor)

    def enum(self, name: str) -> Any:
        """The descriptor of an enum."""
        return self._pool.FindEnumTypeByName(self._package + "." + name)

    def _file(self) -> Message:
        file = descriptor_pb2.FileDescriptorProto(name=self._package + "/caffe.proto", package=self._package)
        found = {}
        for name, fields in self._messages.items():
            found[name] = file.message_type.add(name=name)
            for field in filter(None, fields.split("; ")):
                self._add_field(found[name], field)
        for name, values in self._enums.items():
            home, _, own = name.rpartition(".")
            enum = (found[home] if home else file).enum_type.add(name=own)
            for value in values.split("; "):
                label, number = value.split()
                enum.value.add(name=label, number=int(number))
        return file

    def _add_field(self, message: Message, text: str) -> None:
        declaration, _, default = text.partition(" = ")
        *label, kind, name, number = declaration.split()
        field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
        if label:
            field.label = _Field.LABEL_REPEATED
            if label == ["packed"]:
                field.options.packed = True
        if kind in self._enums or kind in self._messages:
            field.type = _Field.TYPE_ENUM if kind in self._enums else _Field.TYPE_MESSAGE
            field.type_name = "." + self._package + "." + kind
        else:
            field.type = getattr(_Field, "TYPE_" + kind.upper())
        if default:
            field.default_value = default


_SCHEMA = Schema("deepdream", MESSAGES, ENUMS)
NetParameter = _SCHEMA.message("NetParameter")
LayerParameter = _SCHEMA.message("LayerParameter")
FillerParameter = _SCHEMA.message("FillerParameter")
