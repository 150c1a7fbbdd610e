"""Every field of caffe_pb2, as a list: run by real Caffe's Python, it prints what the stand-in must have.

python messages.py
"""

import json


def fields(pb, names):
    """{message: {field: [number, type, repeated, packed, default]}}, and {enum: {name: number}}."""
    found, enums = {}, {}
    for name in names:
        descriptor = getattr(pb, name).DESCRIPTOR
        found[name] = {field.name: _field(field) for field in descriptor.fields}
        for enum in descriptor.enum_types:
            enums[enum.full_name] = {value.name: value.number for value in enum.values}
    enums["caffe.Phase"] = dict(pb.Phase.items())
    return {"messages": found, "enums": enums}


def _field(field):
    kind = field.message_type or field.enum_type
    default = None if field.message_type or _is_repeated(field) else field.default_value
    if isinstance(default, bytes):
        default = default.decode()
    packed = field.has_options and field.GetOptions().packed
    return [field.number, kind.full_name if kind else field.cpp_type, _is_repeated(field), packed, default]


def _is_repeated(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


if __name__ == "__main__":
    from caffe.proto import caffe_pb2

    print(json.dumps(fields(caffe_pb2, caffe_pb2.DESCRIPTOR.message_types_by_name)))
