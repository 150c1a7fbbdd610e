"""What caffe_format/schema.py lacks of Caffe's messages, in its notation: what a dream does not need.

Names, numbers and defaults are those of BVLC Caffe 1.0; a test compares them with real Caffe's. A field that the schema
declares in another way counts as it is here.
"""

_DATA = "string source 1; float scale 2 = 1; string mean_file 3; bool mirror 6 = false"  # of the older data layers

FIELDS = {
    "AccuracyParameter": "uint32 top_k 1 = 1; int32 axis 2 = 1; int32 ignore_label 3",
    "BatchNormParameter": "float moving_average_fraction 2 = 0.999",
    "BiasParameter": "FillerParameter filler 3",
    "BlobProto": (
        "packed float data 5; packed float diff 6; packed double double_data 8; packed double double_diff 9; "
        "int32 num 1 = 0; int32 channels 2 = 0; int32 height 3 = 0; int32 width 4 = 0"
    ),
    "BlobProtoVector": "repeated BlobProto blobs 1",
    "BlobShape": "packed int64 dim 1",
    "ContrastiveLossParameter": "float margin 1 = 1; bool legacy_version 2 = false",
    "ConvolutionParameter": (
        "FillerParameter weight_filler 7; FillerParameter bias_filler 8; "
        "ConvolutionParameter.Engine engine 15 = DEFAULT; bool force_nd_im2col 17 = false"
    ),
    "DataParameter": (
        f"{_DATA}; uint32 batch_size 4; uint32 rand_skip 7 = 0; DataParameter.DB backend 8 = LEVELDB; "
        "bool force_encoded_color 9 = false; uint32 prefetch 10 = 4"
    ),
    "Datum": (
        "int32 channels 1; int32 height 2; int32 width 3; bytes data 4; int32 label 5; repeated float float_data 6; "
        "bool encoded 7 = false"
    ),
    "DropoutParameter": "float dropout_ratio 1 = 0.5",
    "EmbedParameter": (
        "uint32 num_output 1; uint32 input_dim 2; bool bias_term 3 = true; FillerParameter weight_filler 4; "
        "FillerParameter bias_filler 5"
    ),
    "FillerParameter": "string type 1 = constant; FillerParameter.VarianceNorm variance_norm 8 = FAN_IN",
    "HDF5DataParameter": "string source 1; uint32 batch_size 2; bool shuffle 3 = false",
    "HDF5OutputParameter": "string file_name 1",
    "HingeLossParameter": "HingeLossParameter.Norm norm 1 = L1",
    "ImageDataParameter": (
        f"{_DATA}; uint32 batch_size 4 = 1; uint32 rand_skip 7 = 0; bool shuffle 8 = false; string root_folder 12"
    ),
    "InfogainLossParameter": "string source 1; int32 axis 2 = 1",
    "InnerProductParameter": "FillerParameter weight_filler 3; FillerParameter bias_filler 4",
    "LRNParameter": "LRNParameter.Engine engine 6 = DEFAULT",
    "LayerParameter": (
        "Phase phase 10; AccuracyParameter accuracy_param 102; "
        "ContrastiveLossParameter contrastive_loss_param 105; DropoutParameter dropout_param 108; "
        "EmbedParameter embed_param 137; HDF5DataParameter hdf5_data_param 112; "
        "HDF5OutputParameter hdf5_output_param 113; HingeLossParameter hinge_loss_param 114; "
        "InfogainLossParameter infogain_loss_param 116; ParameterParameter parameter_param 145; "
        "PythonParameter python_param 130; RecurrentParameter recurrent_param 146; SPPParameter spp_param 132"
    ),
    "NetParameter": "bool debug_info 7 = false",
    "PReLUParameter": "FillerParameter filler 1",
    "ParamSpec": "ParamSpec.DimCheckMode share_mode 2; float decay_mult 4 = 1",
    "ParameterParameter": "BlobShape shape 1",
    "PoolingParameter": "PoolingParameter.Engine engine 11 = DEFAULT",
    "PythonParameter": "string module 1; string layer 2; string param_str 3; bool share_in_parallel 4 = false",
    "ReLUParameter": "ReLUParameter.Engine engine 2 = DEFAULT",
    "RecurrentParameter": (
        "uint32 num_output 1 = 0; FillerParameter weight_filler 2; FillerParameter bias_filler 3; "
        "bool debug_info 4 = false; bool expose_hidden 5 = false"
    ),
    "SPPParameter": (
        "uint32 pyramid_height 1; SPPParameter.PoolMethod pool 2 = MAX; SPPParameter.Engine engine 6 = DEFAULT"
    ),
    "ScaleParameter": "FillerParameter filler 3; FillerParameter bias_filler 5",
    "SigmoidParameter": "SigmoidParameter.Engine engine 1 = DEFAULT",
    "SoftmaxParameter": "SoftmaxParameter.Engine engine 1 = DEFAULT",
    "SolverParameter": (
        "string net 24; NetParameter net_param 25; string train_net 1; repeated string test_net 2; "
        "NetParameter train_net_param 21; repeated NetParameter test_net_param 22; NetState train_state 26; "
        "repeated NetState test_state 27; repeated int32 test_iter 3; int32 test_interval 4 = 0; "
        "bool test_compute_loss 19 = false; bool test_initialization 32 = true; float base_lr 5; int32 display 6; "
        "int32 average_loss 33 = 1; int32 max_iter 7; int32 iter_size 36 = 1; string lr_policy 8; float gamma 9; "
        "float power 10; float momentum 11; float weight_decay 12; string regularization_type 29 = L2; "
        "int32 stepsize 13; repeated int32 stepvalue 34; float clip_gradients 35 = -1; int32 snapshot 14 = 0; "
        "string snapshot_prefix 15; bool snapshot_diff 16 = false; "
        "SolverParameter.SnapshotFormat snapshot_format 37 = BINARYPROTO; "
        "SolverParameter.SolverMode solver_mode 17 = GPU; int32 device_id 18 = 0; int64 random_seed 20 = -1; "
        "string type 40 = SGD; float delta 31 = 1e-08; float momentum2 39 = 0.999; float rms_decay 38 = 0.99; "
        "bool debug_info 23 = false; bool snapshot_after_train 28 = true; "
        "SolverParameter.SolverType solver_type 30 = SGD; bool layer_wise_reduce 41 = true; repeated string weights 42"
    ),
    "SolverState": "int32 iter 1; string learned_net 2; repeated BlobProto history 3; int32 current_step 4 = 0",
    "TanHParameter": "TanHParameter.Engine engine 1 = DEFAULT",
    "V0LayerParameter": (
        "FillerParameter weight_filler 5; FillerParameter bias_filler 6; V0LayerParameter.PoolMethod pool 11 = MAX; "
        "float dropout_ratio 12 = 0.5; string source 16; float scale 17 = 1; string meanfile 18; uint32 batchsize 19; "
        "bool mirror 21 = false; repeated BlobProto blobs 50; repeated float blobs_lr 51; "
        "repeated float weight_decay 52; uint32 rand_skip 53 = 0; float det_fg_threshold 54 = 0.5; "
        "float det_bg_threshold 55 = 0.5; float det_fg_fraction 56 = 0.25; uint32 det_context_pad 58 = 0; "
        "string det_crop_mode 59 = warp; int32 new_num 60 = 0; int32 new_channels 61 = 0; int32 new_height 62 = 0; "
        "int32 new_width 63 = 0; bool shuffle_images 64 = false; HDF5OutputParameter hdf5_output_param 1001"
    ),
    "V1LayerParameter": (
        "repeated V1LayerParameter.DimCheckMode blob_share_mode 1002; repeated float blobs_lr 7; "
        "repeated float weight_decay 8; AccuracyParameter accuracy_param 27; "
        "ContrastiveLossParameter contrastive_loss_param 40; DropoutParameter dropout_param 12; "
        "HDF5DataParameter hdf5_data_param 13; HDF5OutputParameter hdf5_output_param 14; "
        "HingeLossParameter hinge_loss_param 29; InfogainLossParameter infogain_loss_param 16"
    ),
    "WindowDataParameter": (
        f"{_DATA}; uint32 batch_size 4; float fg_threshold 7 = 0.5; float bg_threshold 8 = 0.5; "
        "float fg_fraction 9 = 0.25; uint32 context_pad 10 = 0; string crop_mode 11 = warp; "
        "bool cache_images 12 = false; string root_folder 13"
    ),
}

_ENGINE, _POOL = "DEFAULT 0; CAFFE 1; CUDNN 2", "MAX 0; AVE 1; STOCHASTIC 2"

ENUMS = {
    **{
        name + "Parameter.Engine": _ENGINE
        for name in ("Convolution", "LRN", "Pooling", "ReLU", "SPP", "Sigmoid", "Softmax", "TanH")
    },
    "DataParameter.DB": "LEVELDB 0; LMDB 1",
    "FillerParameter.VarianceNorm": "FAN_IN 0; FAN_OUT 1; AVERAGE 2",
    "HingeLossParameter.Norm": "L1 1; L2 2",
    "ParamSpec.DimCheckMode": "STRICT 0; PERMISSIVE 1",
    "SPPParameter.PoolMethod": _POOL,
    "SolverParameter.SnapshotFormat": "HDF5 0; BINARYPROTO 1",
    "SolverParameter.SolverMode": "CPU 0; GPU 1",
    "SolverParameter.SolverType": "SGD 0; NESTEROV 1; ADAGRAD 2; RMSPROP 3; ADADELTA 4; ADAM 5",
    "V0LayerParameter.PoolMethod": _POOL,
    "V1LayerParameter.DimCheckMode": "STRICT 0; PERMISSIVE 1",
}
