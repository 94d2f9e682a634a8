"""One PyTorch module to one ONNX file whose weights are stored as float16 and computed in float32."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

OPSET = 18
SMALLEST_HALF = 256  # initializers with fewer elements stay float32


def export_float32(module, inputs: dict, outputs: list[str], dynamic: dict, path: Path) -> onnx.ModelProto:
    """Traces `module(**inputs)`; `dynamic` names the free dimensions of each input."""
    module = module.eval().to(memory_format=torch.contiguous_format)
    program = torch.onnx.export(
        module, args=(), kwargs=inputs, input_names=list(inputs), output_names=outputs,
        dynamic_shapes=dynamic, opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
    )
    program.save(str(path), external_data=False)
    model = onnx.load(str(path))
    strip(model)
    return model


def strip(model: onnx.ModelProto) -> None:
    """Removes what only the exporter needed: traces of source lines, metadata, inner shapes."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]


def store_as_half(model: onnx.ModelProto, kept_exact: tuple[str, ...] = ()) -> onnx.ModelProto:
    """A copy with large float32 initializers as float16, each cast back by a node of its own.

    Initializers whose name contains one of `kept_exact` stay float32.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for tensor in half.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims, dtype=np.int64) < SMALLEST_HALF:
            continue
        if any(part in tensor.name for part in kept_exact):
            continue
        weights = numpy_helper.to_array(tensor)
        if np.abs(weights).max() > 65_000:
            raise ValueError(f"{tensor.name}: {np.abs(weights).max()} does not fit float16")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}.float16"))
        casts.append(helper.make_node("Cast", [f"{name}.float16"], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT))
    nodes = list(half.graph.node)
    del half.graph.node[:]
    half.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(half)
    return half


def restore_names(model: onnx.ModelProto, module: torch.nn.Module) -> None:
    """Gives parameters that the exporter transposed or reshaped their own names back.

    `name` keeps the parameter's order of elements; `name.transposed` is a matrix stored [in, out].
    """
    taken = {tensor.name for tensor in model.graph.initializer}
    missing = {name: parameter.detach().numpy() for name, parameter in module.named_parameters() if name not in taken}
    renamed = {}
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or not tensor.name.startswith(("val_", "unsqueeze", "view", "t_")):
            continue
        values = numpy_helper.to_array(tensor).flatten()
        for name, parameter in missing.items():
            if parameter.size != values.size or parameter.size < 8:
                continue
            if np.array_equal(parameter.flatten(), values):
                renamed[tensor.name] = name
            elif parameter.ndim == 2 and np.array_equal(parameter.T.flatten(), values):
                renamed[tensor.name] = f"{name}.transposed"
            else:
                continue
            del missing[name]
            break
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)


def keep_as_inner_value(model: onnx.ModelProto, name: str) -> None:
    """Turns the graph output `name` into a mere value of that name."""
    outputs = [output for output in model.graph.output if output.name != name]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
