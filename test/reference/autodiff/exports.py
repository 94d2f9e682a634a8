"""Makes exports.json: small networks whose exports once had no gradient, in the form of operators.json. Sizes are dynamic.

Run: python3 exports.py
"""
import base64, copy, io, json, logging, os, warnings
import numpy as np, onnx, torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings('ignore')
logging.disable(logging.WARNING)
here = os.path.dirname(os.path.abspath(__file__))


class Layer(nn.Module):
    def __init__(self, function, layer=None):
        super().__init__()
        self.function, self.layer = function, layer

    def forward(self, x):
        return self.function(x) if self.layer is None else self.function(self.layer, x)


def pack(t):
    a = np.asarray(t.detach().numpy(), order='C')
    return {'type': str(a.dtype), 'dims': list(a.shape), 'data': base64.b64encode(a.tobytes()).decode()}


def export(net, x, axes, exporter):
    if exporter == 'dynamo':
        program = torch.onnx.export(net, (x,), dynamo=True, verbose=False, input_names=['x'], output_names=['y'], dynamic_shapes=({a: torch.export.Dim.AUTO for a in axes},))
        model = program.model_proto
    else:
        file = io.BytesIO()
        torch.onnx.export(net, (x,), file, dynamo=False, opset_version=17, input_names=['x'], output_names=['y'], dynamic_axes={'x': {a: f'x_{a}' for a in axes}})
        model = onnx.load_from_string(file.getvalue())
    del model.graph.value_info[:], model.metadata_props[:], model.graph.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ''
        del node.metadata_props[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]: del value.metadata_props[:]
    return base64.b64encode(model.SerializeToString()).decode()


def case(name, net, dims, axes, exporter, whole=False):
    torch.manual_seed(3)
    net, x = net().eval(), torch.randn(*dims)
    if whole: x = (3 * x).round()  # Elements that lie on kinks.
    exact, given = copy.deepcopy(net).double(), x.double().requires_grad_()
    y = exact(given)
    dy = torch.randn(y.shape)
    gradient, = torch.autograd.grad(y, given, dy.double())
    return {'name': f'{name}, {exporter}', 'model': export(net, x, axes, exporter), 'tolerance': 1e-5, 'inputs': {'x': pack(x)}, 'cotangent': pack(dy),
            'y': pack(y.float()), 'gradients': {'x': pack(gradient.float())}}


places = torch.tensor([[0, 1, 1, 3, 7, 0, 2]]).expand(3, 7)
table = {
    'average pool, rounded up': (lambda: Layer(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)), (1, 2, 8, 10), [0, 2, 3], ['legacy', 'dynamo']),
    'average pool, rounded up, padding not counted': (lambda: Layer(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)), (1, 2, 8, 10), [0, 2, 3], ['legacy']),
    'local response normalization': (lambda: nn.LocalResponseNorm(3), (1, 4, 3, 4), [0, 1, 2, 3], ['legacy']),
    'unbind': (lambda: Layer(lambda x: (lambda a, b, c: a * b + c)(*x.unbind(1))), (2, 3, 4), [0, 1], ['dynamo']),
    'fold': (lambda: Layer(lambda x: F.fold(x, (6, 6), 2, stride=2)), (2, 12, 9), [0], ['dynamo']),
    'diagonal': (lambda: Layer(lambda x: torch.diagonal(x, 0, 1, 2)), (2, 3, 4), [0], ['legacy', 'dynamo']),
    'clamped from below, on the bound': (lambda: Layer(lambda x: x.clamp(min=0)), (3, 8), [0], ['legacy', 'dynamo'], True),
    'clamped from above, on the bound': (lambda: Layer(lambda x: x.clamp(max=1)), (3, 8), [0], ['legacy', 'dynamo'], True),
    'relu6, on the bounds': (lambda: Layer(F.relu6), (3, 8), [0], ['legacy', 'dynamo'], True),
    'parts of uneven sizes': (lambda: Layer(lambda x: (lambda a, b: a.sum(2, keepdim=True) * b)(*torch.tensor_split(x, 2, 2))), (2, 3, 5), [0, 2], ['legacy']),
    'the largest of scattered elements': (lambda: Layer(lambda x: x.scatter_reduce(1, places, x[:, :7], 'amax')), (3, 8), [0], ['legacy', 'dynamo'], True),
    'the smallest of scattered elements': (lambda: Layer(lambda x: x.scatter_reduce(1, places, x[:, :7] * 2, 'amin')), (3, 8), [0], ['legacy', 'dynamo']),
    'the product of scattered elements': (lambda: Layer(lambda x: x.scatter_reduce(1, places, x[:, :7], 'prod')), (3, 8), [0], ['legacy', 'dynamo']),
    'the product of scattered elements, with zeros': (lambda: Layer(lambda x: x.scatter_reduce(1, places, x[:, :7], 'prod')), (3, 8), [0], ['legacy', 'dynamo'], True),
    '7x7 kernel by its input': (lambda: Layer(lambda conv, x: conv(x) * conv(x).mean(), nn.Conv2d(2, 2, 7, padding=3, stride=2)), (1, 2, 9, 11), [0, 2, 3], ['legacy']),
}
cases = [case(name, net, dims, axes, exporter, *whole) for name, (net, dims, axes, exporters, *whole) in table.items() for exporter in exporters]
with open(os.path.join(here, 'exports.json'), 'w') as out: json.dump(cases, out)
print(len(cases), 'cases')
