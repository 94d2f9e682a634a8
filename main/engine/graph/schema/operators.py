"""Writes ../generated/operators.json: what each version of each operator takes, gives and is set by.

ai.onnx from onnx (1.23), com.microsoft from onnxruntime (1.30), as both ask it of every model. Run it in this folder.

An operator is a list of versions, oldest first: [since, inputs, outputs, attributes, type sets of its type names].
Inputs and outputs are `name:type` between spaces; `?` after the name: may be omitted, `*`: any number of one type,
`~`: any number of any types. A `!` after the number of a repeated one asks for at least so many. Attributes are `name:kind`, `!`: must be there. A deprecated
version is [since]. Of com.microsoft only names, omissions and attributes: newer versions take more types.
"""

import json
from pathlib import Path

from onnx import defs
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

OLDEST, NEWEST = 7, 26  # opsetRange in verify.ts
NAMES = {"float": "float32", "double": "float64"}
MARKS = {"Single": "", "Optional": "?"}

type_sets: dict[str, int] = {}


def type_set(types):
    """Number of a set of tensor types; sequences, maps and optionals are not told apart and allow nothing here."""
    names = [t[7:-1] for t in types if t.startswith("tensor(")]
    text = " ".join(sorted(NAMES.get(name, name) for name in names))
    return type_sets.setdefault(text, len(type_sets))


def last(value):
    return str(value).rsplit(".", 1)[-1]


def parameter(each, typed, least):
    kind = last(each.option)
    homogeneous = each.is_homogeneous if hasattr(each, "is_homogeneous") else each.isHomogeneous
    mark = MARKS.get(kind, f"{'*' if homogeneous else '~'}{f'{least}!' if kind == 'Variadic' else ''}")
    return f"{each.name or 'input'}{mark}" + (f":{each.type_str}" if typed else "")


def version(schema, typed):
    if schema.deprecated:
        return [schema.since_version]
    bounds = {t.type_param_str: type_set(t.allowed_type_strs) for t in schema.type_constraints} if typed else {}
    sides = []
    for parameters, least in ((schema.inputs, schema.min_input), (schema.outputs, schema.min_output)):
        if typed:
            for each in parameters:
                if "(" in each.type_str:
                    bounds[each.type_str] = type_set([each.type_str])
        sides.append(" ".join(parameter(each, typed, max(0, least - len(parameters) + 1)) for each in parameters))
    attributes = " ".join(
        f"{name}{'!' if each.required else ''}:{last(each.type).lower()}" for name, each in sorted(schema.attributes.items())
    )
    return [schema.since_version, *sides, attributes, *([bounds] if typed else [])]


def table(schemas, typed):
    by_name = {}
    for schema in sorted(schemas, key=lambda each: (each.name, each.since_version)):
        if schema.since_version <= NEWEST:
            by_name.setdefault(schema.name, []).append(schema)
    result = {}
    for name, versions in by_name.items():
        # Of the versions up to the oldest opset only the last one is ever asked.
        first = max((i for i, each in enumerate(versions) if each.since_version <= OLDEST), default=0)
        result[name] = [version(each, typed) for each in versions[first:]]
    return result


onnx = table([s for s in defs.get_all_schemas_with_history() if s.domain == ""], True)
microsoft = table([s for s in runtime.get_all_operator_schema() if s.domain == "com.microsoft"], False)


def line(value):
    return json.dumps(value, separators=(",", ":"))


def block(entries):
    return "{\n" + ",\n".join(f"{line(name)}:{line(value)}" for name, value in entries.items()) + "\n}"


text = (
    '{"typeSets":[\n' + ",\n".join(line(each) for each in type_sets) + '\n],\n"onnx":' + block(onnx)
    + ',\n"microsoft":' + block(microsoft) + "\n}\n"
)
Path(__file__).parent.parent.joinpath("generated/operators.json").write_text(text)
