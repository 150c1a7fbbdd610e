"""Ways to damage bytes, text and protobuf messages, each drawn from a Random."""

import re
import struct

WHOLE = (0, 1, 2, 3, 5, 7, 255, 256, 1000, 65536, 10**6, 2**24 + 1, 10**9, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
SIGNED = (*WHOLE, -1, -2, -3, -4, -5, -(10**6), -(2**31))
BROKEN = (*map(float, SIGNED), 0.5, -0.5, 1e-30, 1e30, 3e38, 1e300, float("inf"), float("-inf"), float("nan"))
WORDS = ("", "data", "\0", "\x1b[31m", "ünï", "夢", "a b", "../../etc", "x" * 5000, "%s%n%d{0}", "\n")


def in_bytes(random, data, others=()):
    """Bytes with one to four damages. others: files that parts may come from."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(_BYTES)(random, data, others)
    return bytes(data)


def _place(random, data):
    """A place in it, the beginning more often, for there the headers are."""
    return min(random.randrange(len(data) + 1), random.choice((40, 400, len(data))))


def _flip(random, data, _):
    for _ in range(random.choice((1, 1, 3, 20))):
        if data:
            data[min(_place(random, data), len(data) - 1)] = random.randrange(256)


def _truncate(random, data, _):
    del data[_place(random, data) :]


def _cut_out(random, data, _):
    place = _place(random, data)
    del data[place : place + random.choice((1, 4, 100, 5000))]


def _repeat(random, data, _):
    place = _place(random, data)
    data[place:place] = data[place : place + random.choice((1, 4, 100, 5000))] * random.choice((1, 1, 30))


def _insert(random, data, _):
    place = _place(random, data)
    data[place:place] = random.choice(
        (bytes(random.choice((1, 9, 300))), b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\x0b" * 5000, random.randbytes(8))
    )


def _number(random, data, _):
    """A whole number of two, four or eight bytes in the place of what stands there."""
    form = random.choice("HIQ")
    packed = struct.pack(random.choice("<>") + form, random.choice(WHOLE) % 2 ** (8 * struct.calcsize(form)))
    place = _place(random, data)
    data[place : place + len(packed)] = packed


def _splice(random, data, others):
    if others:
        other = random.choice(others)
        data[_place(random, data) :] = other[_place(random, other) :]


_BYTES = (_flip, _flip, _truncate, _cut_out, _repeat, _insert, _number, _number, _splice)


def in_text(random, text, others=()):
    """Text of words, numbers and brackets with one to four damages, as bytes."""
    tokens = re.findall(r'"[^"]*"|[\w.+-]+|[^\s\w]|\s+', text)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(_TEXT)(random, tokens, others)
    data = "".join(tokens).encode("utf-8", "surrogateescape")
    return in_bytes(random, data) if random.random() < 0.1 else data


def _at(random, tokens, form):
    """The index of a token of some form; None where there is none."""
    found = [i for i, token in enumerate(tokens) if re.fullmatch(form, token)]
    return random.choice(found) if found else None


def _another_number(random, tokens, _):
    place = _at(random, tokens, r"[-+]?[\d.]+")
    if place is not None:
        tokens[place] = str(random.choice((*SIGNED, *SIGNED, *BROKEN, 10**30)))


def _another_token(random, tokens, _):
    place = _at(random, tokens, random.choice((r'"[^"]*"', r"[A-Za-z_]\w*", r"\S+")))
    if place is not None:
        other = _at(random, tokens, r'"[^"]*"' if tokens[place][0] == '"' else r"\S+")
        tokens[place] = tokens[other] if other is not None else ""


def _less(random, tokens, _):
    place = random.randrange(len(tokens) + 1)
    del tokens[place : place + random.choice((1, 1, 2, 10, 10000))]


def _more(random, tokens, _):
    place = random.randrange(len(tokens) + 1)
    tokens[place:place] = tokens[place : place + random.choice((1, 2, 10, 60))] * random.choice((1, 1, 1, 50))


def _strange(random, tokens, _):
    strange = (
        *WORDS,
        "{" * 3000,
        "}",
        "[",
        "<",
        '"',
        "'",
        "#",
        ":",
        "\\x00",
        "a {" * 300,
        "\udcff",
        "\ufeff",
        "\u202e",
    )
    tokens.insert(random.randrange(len(tokens) + 1), random.choice(strange))


def _from_another(random, tokens, others):
    if others:
        other = random.choice(others)
        place = random.randrange(len(other))
        part = other[place : place + random.choice((20, 200, 2000))]
        tokens.insert(random.randrange(len(tokens) + 1), part)


_TEXT = (_another_number, _another_number, _another_number, _another_token, _less, _more, _strange, _from_another)


def in_message(random, message):
    """Changes one to three things anywhere in a protobuf message."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        parts = [message]
        for part in parts:
            for field, value in part.ListFields():
                if field.message_type:
                    parts += value if _is_repeated(field) else [value]
        part = random.choice(parts)
        there = [field for field, _ in part.ListFields()]
        fields = there if there and random.random() < 0.7 else list(part.DESCRIPTOR.fields)
        if fields:  # the parameters of a few layer types have none
            _change(random, part, random.choice(fields))


def _is_repeated(field):
    return getattr(field, "is_repeated", None) or getattr(field, "label", None) == 3


def _change(random, part, field):
    if random.random() < 0.1:
        part.ClearField(field.name)
    elif _is_repeated(field):
        values = list(getattr(part, field.name))
        for _ in range(random.choice((1, 1, 2, 30))):
            way = random.random()
            if values and way < 0.25:
                values.pop(random.randrange(len(values)))
            elif values and way < 0.5:
                values.insert(random.randrange(len(values) + 1), random.choice(values))
            elif field.message_type:
                values.append(getattr(part, field.name).add())
            elif values and way < 0.75:
                values[random.randrange(len(values))] = _value(random, field)
            else:
                values.append(_value(random, field))
        values = [
            type(value).FromString(value.SerializeToString()) if field.message_type else value for value in values
        ]
        part.ClearField(field.name)
        getattr(part, field.name).extend(values)
    elif field.message_type:
        getattr(part, field.name).SetInParent()
        in_message(random, getattr(part, field.name))
    else:
        setattr(part, field.name, _value(random, field))


def _value(random, field):
    """A value of a field's type, at the ends of its range mostly."""
    kind = field.cpp_type
    if kind == field.CPPTYPE_ENUM:
        return random.choice(field.enum_type.values).number
    if kind == field.CPPTYPE_BOOL:
        return random.random() < 0.5
    if kind == field.CPPTYPE_STRING:
        return random.choice(WORDS).encode() if field.type == field.TYPE_BYTES else random.choice(WORDS)
    if kind in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return random.choice(BROKEN) if abs(random.choice(BROKEN)) < 3e38 else 0.0
    least, most = {
        field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
        field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        field.CPPTYPE_UINT32: (0, 2**32 - 1),
        field.CPPTYPE_UINT64: (0, 2**64 - 1),
    }[kind]
    return min(max(random.choice(SIGNED), least), most)
