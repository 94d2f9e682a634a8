"""Makes operators.json: one small ONNX model per operator configuration, with inputs, a cotangent and the gradients.

Gradients come from torch.autograd in float64, from the same function written in torch; for operators that are linear in
their input, from running the operator itself on every unit vector (no second implementation to disagree with).
Run: python3 operators.py
"""
import base64, json, math, os
import numpy as np, onnx, torch
import torch.nn.functional as F
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper

rng = np.random.default_rng(7)
cases = []
TYPES = {np.dtype('float32'): (T.FLOAT, 'float32'), np.dtype('int64'): (T.INT64, 'int64'), np.dtype('float64'): (T.DOUBLE, 'float64'),
         np.dtype('bool'): (T.BOOL, 'bool'), np.dtype('int32'): (T.INT32, 'int32'), np.dtype('float16'): (T.FLOAT16, 'float16')}


def f(*dims, low=None, high=None):
    if low is None:
        return rng.standard_normal(dims).astype(np.float32)
    return rng.uniform(low, high, dims).astype(np.float32)


def pack(array):
    array = np.asarray(array, order='C')
    return {'type': TYPES[array.dtype][1], 'dims': list(array.shape), 'data': base64.b64encode(array.tobytes()).decode()}


def model_of(nodes, inputs, outputs, constants, opset, symbolic, y):
    def value(name, array):
        dims = [f'{name}_{i}' for i in range(array.ndim)] if name in symbolic else array.shape
        return h.make_tensor_value_info(name, TYPES[array.dtype][0], dims)
    graph = h.make_graph(
        nodes, 'case', [value(k, v) for k, v in inputs.items()],
        [h.make_tensor_value_info('y', TYPES[y.dtype][0], None if symbolic else y.shape)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    domains = {n.domain for n in nodes} | {''}
    return h.make_model(graph, ir_version=8 if opset <= 20 else 10,
                        opset_imports=[h.make_opsetid(d, opset if d == '' else 1) for d in sorted(domains)])


def run(model, inputs):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    return lambda feeds: session.run(['y'], feeds)[0], session


def case(name, op, inputs, torch_fn=None, wrt=None, opset=18, constants={}, symbolic=False, domain='', nodes=None, outputs=1, tolerance=1e-5, order=None, **attributes):
    """One operator applied to `inputs` (then `constants`), first output y. torch_fn None: linear in the single wrt."""
    inputs = {k: np.asarray(v) for k, v in inputs.items()}
    names = order if order is not None else list(inputs) + list(constants)
    if nodes is None:
        nodes = [h.make_node(op, names, ['y'] + [f'unused_{i}' for i in range(1, outputs)], domain=domain, **attributes)]
    wrt = wrt or [k for k, v in inputs.items() if v.dtype.kind == 'f']
    sym = set(inputs) if symbolic is True else set(symbolic or [])
    probe = model_of(nodes, inputs, None, constants, opset, set(inputs), np.zeros((), next(v.dtype for v in inputs.values() if v.dtype.kind == 'f')))
    evaluate, _ = run(probe, inputs)
    y = evaluate(inputs)
    model = model_of(nodes, inputs, None, constants, opset, sym, y)
    dy = np.asarray(rng.standard_normal(y.shape)).astype(y.dtype)
    if torch_fn is None:
        gradients = {}
        for which in wrt:
            x = inputs[which]
            base = evaluate({**inputs, which: np.zeros_like(x)}).astype(np.float64)
            g = np.zeros(x.size)
            for i in range(x.size):
                unit = np.zeros(x.size, x.dtype); unit[i] = 1
                g[i] = ((evaluate({**inputs, which: unit.reshape(x.shape)}) - base) * dy.astype(np.float64)).sum()
            gradients[which] = g.reshape(x.shape)
    else:
        tensors = {k: torch.tensor(v.astype(np.float64) if v.dtype.kind == 'f' else v, requires_grad=k in wrt) for k, v in inputs.items()}
        out = torch_fn(*tensors.values())
        error = np.abs(out.detach().numpy() - y).max() if y.size else 0
        assert out.shape == y.shape and error < (1e-4 if y.dtype != np.float16 else 2e-2) * max(1, np.abs(y).max()), (name, out.shape, y.shape, error)
        got = torch.autograd.grad(out, [tensors[k] for k in wrt], torch.tensor(dy.astype(np.float64)), allow_unused=True)
        gradients = {k: np.zeros(inputs[k].shape) if g is None else g.numpy() for k, g in zip(wrt, got)}
    cases.append({'name': name, 'model': base64.b64encode(model.SerializeToString()).decode(), 'tolerance': tolerance,
                  'inputs': {k: pack(v) for k, v in inputs.items()}, 'cotangent': pack(dy), 'y': pack(y),
                  'gradients': {k: pack(np.asarray(v, np.float32)) for k, v in gradients.items()}})


i64 = lambda *v: np.array(v, np.int64)

# Element by element
pos = dict(low=0.2, high=3.0)
unary = {
    'Neg': torch.neg, 'Abs': torch.abs, 'Exp': torch.exp, 'Sin': torch.sin, 'Cos': torch.cos, 'Tan': torch.tan, 'Sinh': torch.sinh,
    'Cosh': torch.cosh, 'Tanh': torch.tanh, 'Atan': torch.atan, 'Asinh': torch.asinh, 'Erf': torch.erf, 'Relu': F.relu,
    'Sigmoid': torch.sigmoid, 'Softplus': F.softplus, 'Softsign': F.softsign, 'Identity': lambda x: x * 1,
    'Sign': lambda x: torch.sign(x) * 1.0, 'Floor': torch.floor, 'Ceil': torch.ceil, 'Round': torch.round,
    'HardSwish': F.hardswish, 'Mish': F.mish,
}
for op, fn in unary.items():
    case(op, op, {'x': f(3, 5) * 2}, fn)
for op, fn in {'Log': torch.log, 'Sqrt': torch.sqrt, 'Reciprocal': torch.reciprocal}.items():
    case(op, op, {'x': f(3, 5, **pos)}, fn)
for op, fn in {'Asin': torch.asin, 'Acos': torch.acos, 'Atanh': torch.atanh}.items():
    case(op, op, {'x': f(3, 5, low=-0.9, high=0.9)}, fn)
case('Acosh', 'Acosh', {'x': f(3, 5, low=1.2, high=4)}, torch.acosh)
case('LeakyRelu', 'LeakyRelu', {'x': f(3, 5)}, lambda x: F.leaky_relu(x, 0.2), alpha=0.2)
case('Elu', 'Elu', {'x': f(3, 5)}, lambda x: F.elu(x, 1.3), alpha=1.3)
case('Selu', 'Selu', {'x': f(3, 5)}, F.selu)
case('Celu', 'Celu', {'x': f(3, 5)}, lambda x: F.celu(x, 0.7), alpha=0.7)
case('ThresholdedRelu', 'ThresholdedRelu', {'x': f(3, 5)}, lambda x: F.threshold(x, 0.5, 0.0), alpha=0.5)
case('Shrink', 'Shrink', {'x': f(3, 5)}, lambda x: torch.where(x > .4, x - .1, torch.where(x < -.4, x + .1, x * 0)), lambd=0.4, bias=0.1)
case('HardSigmoid', 'HardSigmoid', {'x': f(3, 5) * 3}, lambda x: torch.clamp(x * 0.25 + 0.4, 0, 1), alpha=0.25, beta=0.4)
case('PRelu', 'PRelu', {'x': f(2, 3, 4), 'slope': f(3, 1)}, lambda x, s: torch.where(x > 0, x, s * x))
case('Gelu', 'Gelu', {'x': f(3, 5) * 2}, F.gelu, opset=20)
case('Gelu, tanh', 'Gelu', {'x': f(3, 5) * 2}, lambda x: F.gelu(x, approximate='tanh'), opset=20, approximate='tanh')
case('Clip', 'Clip', {'x': f(3, 5)}, lambda x: torch.clamp(x, -.5, .7), constants={'lo': np.float32(-.5), 'hi': np.float32(.7)})
case('Clip, below only', 'Clip', {'x': f(3, 5)}, lambda x: torch.clamp(x, min=-.5), constants={'lo': np.float32(-.5)})
case('Clip, above only', '', {'x': f(3, 5)}, lambda x: torch.clamp(x, max=.5), constants={'hi': np.float32(.5)},
     nodes=[h.make_node('Clip', ['x', '', 'hi'], ['y'])])
case('Clip, bounds too', 'Clip', {'x': f(3, 5), 'lo': np.float32(-.4), 'hi': np.float32(.6)}, lambda x, a, b: torch.clamp(x, a, b))
for op, fn in {'Add': torch.add, 'Sub': torch.sub, 'Mul': torch.mul, 'Div': torch.div}.items():
    case(f'{op}, broadcast both ways', op, {'a': f(3, 1, 5), 'b': f(4, 1, **pos)}, fn)
    case(f'{op}, symbolic dims', op, {'a': f(1, 3, 1, 5), 'b': f(4, 1, **pos)}, fn, symbolic=True)
    case(f'{op}, by a scalar', op, {'a': f(2, 3), 'b': np.float32(1.7)}, fn)
case('Add, the same twice', '', {'x': f(3)}, lambda x: x + x, nodes=[h.make_node('Add', ['x', 'x'], ['y'])])
case('Mul, the same twice', '', {'x': f(3)}, lambda x: x * x, nodes=[h.make_node('Mul', ['x', 'x'], ['y'])])
for p in (2.0, 3.0, 0.5, -1.0, 1.0, 0.0, 2.5):
    case(f'Pow {p}', 'Pow', {'x': f(3, 4, **pos)}, lambda x: x ** p, constants={'p': np.float32(p)})
case('Pow, negative base', 'Pow', {'x': f(3, 4)}, lambda x: x ** 3, constants={'p': i64(3)[0]})
case('Pow, both', 'Pow', {'x': f(3, 4, **pos), 'p': f(4)}, torch.pow)
case('Mod', 'Mod', {'a': f(4, 3) * 4, 'b': f(3, **pos)}, torch.fmod, fmod=1)
case('Max of three', 'Max', {'a': f(3, 4), 'b': f(4), 'c': f(3, 1)}, lambda a, b, c: torch.maximum(torch.maximum(a, b), c))
case('Min of two', 'Min', {'a': f(3, 4), 'b': f(4)}, torch.minimum)
case('Max, a tie', 'Max', {'a': np.array([1, 2, 3], np.float32), 'b': np.array([1, 5, 0], np.float32)}, torch.maximum)
case('Sum of three', 'Sum', {'a': f(3, 4), 'b': f(4), 'c': f(3, 1)}, lambda a, b, c: a + b + c)
case('Mean of three', 'Mean', {'a': f(3, 4), 'b': f(4), 'c': f(3, 1)}, lambda a, b, c: (a + b + c) / 3)
case('Where', 'Where', {'c': rng.random((3, 1)) > .5, 'a': f(3, 4), 'b': f(1, 4)}, torch.where)
case('Cast to double and back', '', {'x': f(3)}, lambda x: x * 1, nodes=[h.make_node('Cast', ['x'], ['d'], to=T.DOUBLE), h.make_node('Cast', ['d'], ['y'], to=T.FLOAT)])
case('Dropout', 'Dropout', {'x': f(3)}, lambda x: x * 1)
case('Zero through Cast to integer', '', {'x': f(3)}, lambda x: x * 2, nodes=[h.make_node('Cast', ['x'], ['i'], to=T.INT64), h.make_node('Cast', ['i'], ['g'], to=T.FLOAT),
     h.make_node('Sub', ['x', 'g'], ['r']), h.make_node('Add', ['r', 'g'], ['s']), h.make_node('Add', ['s', 'x'], ['y'])])

# Softmax
for axis in (-1, 0, 1):
    case(f'Softmax over {axis}', 'Softmax', {'x': f(3, 4, 5)}, lambda x: torch.softmax(x, axis), axis=axis)
    case(f'LogSoftmax over {axis}', 'LogSoftmax', {'x': f(3, 4, 5)}, lambda x: torch.log_softmax(x, axis), axis=axis)

# Products
for a, b in [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)),
             ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((3, 4), (2, 4, 5)), ((1, 3, 4), (2, 4, 5))]:
    case(f'MatMul {a} {b}', 'MatMul', {'a': f(*a), 'b': f(*b)}, torch.matmul)
case('MatMul, symbolic dims', 'MatMul', {'a': f(1, 3, 4), 'b': f(2, 4, 5)}, torch.matmul, symbolic=True)
case('MatMul, symbolic stack by a matrix', 'MatMul', {'a': f(2, 3, 4), 'b': f(4, 5)}, torch.matmul, symbolic={'a'})
for ta in (0, 1):
    for tb in (0, 1):
        case(f'Gemm {ta}{tb}', 'Gemm', {'a': f(*((4, 3) if ta else (3, 4))), 'b': f(*((5, 4) if tb else (4, 5))), 'c': f(5)},
             lambda a, b, c: 0.7 * (a.T if ta else a) @ (b.T if tb else b) + 1.3 * c, transA=ta, transB=tb, alpha=0.7, beta=1.3)
case('Gemm, c a column', 'Gemm', {'a': f(3, 4), 'b': f(4, 5), 'c': f(3, 1)}, lambda a, b, c: a @ b + c)
for equation, dims in {'ij,jk->ik': [(3, 4), (4, 5)], 'bij,bjk->bik': [(2, 3, 4), (2, 4, 5)], 'bhqd,bhkd->bhqk': [(2, 2, 3, 4), (2, 2, 5, 4)],
                       'ij->ji': [(3, 4)], 'ij->i': [(3, 4)], 'i,j->ij': [(3,), (4,)], 'bi,ij,bj->b': [(2, 3), (3, 4), (2, 4)],
                       '...ij,...jk->...ik': [(2, 3, 4), (2, 4, 5)], '...d,d->...': [(2, 3, 4), (4,)], 'nchpwq->nhwpqc'.replace('nchpwq', 'nchpwq'): [(2, 3, 2, 2, 2, 2)],
                       'ij,ij': [(3, 4), (3, 4)], 'ab,b': [(3, 4), (4,)]}.items():
    names = 'xyz'[:len(dims)].replace('y', 'w')
    case(f'Einsum {equation}', 'Einsum', {n: f(*d) for n, d in zip(names, dims)}, lambda *t: torch.einsum(equation, *t), equation=equation)
case('Einsum ii->i', 'Einsum', {'x': f(4, 4)}, lambda x: torch.einsum('ii->i', x), equation='ii->i')
case('Einsum iij->j', 'Einsum', {'x': f(3, 3, 2)}, lambda x: torch.einsum('iij->j', x), equation='iij->j')

# Convolutions
def conv(name, x, w, bias=True, symbolic=False, opset=18, pads=None, **a):
    n = len(w) - 2
    s = a.get('strides', [1] * n); d = a.get('dilations', [1] * n); g = a.get('group', 1)
    p = pads or [0] * 2 * n
    flat = [v for i in reversed(range(n)) for v in (p[i], p[i + n])]
    fn = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[n]
    inputs = {'x': f(*x), 'w': f(*w)}
    if bias: inputs['b'] = f(w[0])
    extra = dict(a)
    if pads: extra['pads'] = pads
    case(f'Conv {name}', 'Conv', inputs, lambda x, w, b=None: fn(F.pad(x, flat), w, b, s, 0, d, g), symbolic=symbolic, opset=opset, tolerance=2e-5, **extra)

for batch in (1, 5):
    conv(f'3x3, batch {batch}', (batch, 3, 6, 7), (4, 3, 3, 3), pads=[1, 1, 1, 1])
    conv(f'3x3 stride 2, batch {batch}', (batch, 3, 6, 7), (4, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    conv(f'1x1, batch {batch}', (batch, 3, 4, 5), (4, 3, 1, 1))
    conv(f'1x1 stride 2, batch {batch}', (batch, 3, 5, 5), (4, 3, 1, 1), strides=[2, 2])
    conv(f'groups, batch {batch}', (batch, 4, 5, 6), (6, 2, 3, 3), pads=[1, 1, 1, 1], group=2)
    conv(f'depthwise stride 2, batch {batch}', (batch, 4, 6, 6), (4, 1, 3, 3), pads=[1, 1, 1, 1], group=4, strides=[2, 2])
    conv(f'dilated, batch {batch}', (batch, 2, 8, 8), (3, 2, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2])
    conv(f'dilated stride 2, batch {batch}', (batch, 2, 9, 8), (3, 2, 3, 2), pads=[2, 1, 1, 0], dilations=[2, 3], strides=[2, 2])
    conv(f'asymmetric pads, batch {batch}', (batch, 2, 6, 6), (3, 2, 3, 3), pads=[0, 0, 1, 1], strides=[2, 2])
    conv(f'wide pads, batch {batch}', (batch, 2, 4, 4), (3, 2, 2, 2), pads=[2, 2, 2, 2])
    conv(f'1-D, batch {batch}', (batch, 3, 9), (4, 3, 3), pads=[1, 1])
    conv(f'1-D stride 2, batch {batch}', (batch, 3, 9), (4, 3, 4), pads=[1, 2], strides=[2])
    conv(f'patches, batch {batch}', (batch, 2, 8, 8), (3, 2, 4, 4), strides=[4, 4], bias=False)
    conv(f'patches that leave a rest, batch {batch}', (batch, 2, 11, 10), (3, 2, 4, 4), strides=[4, 4])
    conv(f'7x7, batch {batch}', (batch, 2, 9, 9), (3, 2, 7, 7), pads=[3, 3, 3, 3])
    conv(f'stride 3, batch {batch}', (batch, 2, 9, 8), (3, 2, 2, 3), strides=[3, 2])
    conv(f'symbolic, batch {batch}', (batch, 3, 6, 7), (4, 3, 3, 3), pads=[1, 1, 1, 1], symbolic={'x'})
    conv(f'symbolic stride 2, batch {batch}', (batch, 3, 6, 7), (4, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2], symbolic={'x'})
conv('3-D', (1, 2, 4, 4, 4), (3, 2, 3, 3, 3), pads=[1] * 6)
for pad in ('SAME_UPPER', 'SAME_LOWER', 'VALID'):
    for stride in (1, 2):
        for which in ('x', 'w'):
            arrays = {'x': f(2, 2, 5, 6), 'w': f(3, 2, 3, 2)}
            fixed = 'w' if which == 'x' else 'x'
            case(f'Conv {pad} stride {stride}, by {which}', '', {which: arrays[which]}, None, constants={fixed: arrays[fixed]},
                 nodes=[h.make_node('Conv', ['x', 'w'], ['y'], auto_pad=pad, strides=[stride, stride])], tolerance=2e-5)
for name, x, w, a in [('stride 2', (2, 3, 4, 5), (3, 4, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1])), ('stride 2 by 4', (1, 3, 4, 4), (3, 2, 4, 4), dict(strides=[2, 2], pads=[1, 1, 1, 1])),
                      ('output padding', (5, 3, 4, 4), (3, 2, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])),
                      ('groups', (2, 4, 4, 4), (4, 3, 3, 3), dict(group=2, strides=[2, 1])), ('dilated', (2, 2, 4, 4), (2, 3, 3, 3), dict(dilations=[2, 2])),
                      ('1-D', (2, 2, 5), (2, 3, 4), dict(strides=[2], pads=[1, 1])), ('asymmetric', (2, 2, 4, 4), (2, 3, 3, 3), dict(strides=[2, 2], pads=[0, 1, 1, 0])),
                      ('output shape', (2, 2, 4, 4), (2, 3, 3, 3), dict(strides=[2, 2], output_shape=[8, 8]))]:
    for which in ('x', 'w', 'b'):
        arrays = {'x': f(*x), 'w': f(*w), 'b': f(w[1] * a.get('group', 1))}
        case(f'ConvTranspose {name}, by {which}', '', {which: arrays[which]}, None, constants={k: v for k, v in arrays.items() if k != which},
             nodes=[h.make_node('ConvTranspose', ['x', 'w', 'b'], ['y'], **a)], tolerance=2e-5)

# Pooling
for name, a in [('2x2', dict(kernel_shape=[2, 2], strides=[2, 2])), ('3x3 overlapping', dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])),
                ('ceil', dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)), ('dilated', dict(kernel_shape=[2, 2], dilations=[2, 2]))]:
    x = f(2, 3, 7, 6)
    d = a.get('dilations', [1, 1])
    case(f'MaxPool {name}', 'MaxPool', {'x': x}, lambda x: F.max_pool2d(x, a['kernel_shape'], a.get('strides', 1), a.get('pads', [0, 0])[:2], d, bool(a.get('ceil_mode', 0))), **a)
case('MaxPool, symbolic', 'MaxPool', {'x': f(2, 3, 6, 6)}, lambda x: F.max_pool2d(x, 2), symbolic=True, kernel_shape=[2, 2], strides=[2, 2])
case('MaxPool 1-D', 'MaxPool', {'x': f(2, 3, 9)}, lambda x: F.max_pool1d(x, 3, 2, 1), kernel_shape=[3], strides=[2], pads=[1, 1])
for name, a in [('2x2', dict(kernel_shape=[2, 2], strides=[2, 2])), ('padded', dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])),
                ('padded, counted', dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)), ('overlapping', dict(kernel_shape=[3, 2])),
                ('ceil', dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)), ('ceil, padded', dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)),
                ('same', dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad='SAME_UPPER'))]:
    case(f'AveragePool {name}', 'AveragePool', {'x': f(1, 2, 7, 6)}, None, **a)
case('AveragePool, symbolic', 'AveragePool', {'x': f(1, 2, 6, 6)}, None, symbolic=True, kernel_shape=[2, 2], strides=[2, 2])
case('AveragePool 1-D', 'AveragePool', {'x': f(1, 2, 9)}, None, kernel_shape=[3], strides=[2], pads=[1, 1])
case('GlobalAveragePool', 'GlobalAveragePool', {'x': f(2, 3, 4, 5)}, lambda x: x.mean((2, 3), keepdim=True))
case('GlobalMaxPool', 'GlobalMaxPool', {'x': f(2, 3, 4, 5)}, lambda x: x.amax((2, 3), keepdim=True))

# Normalization
case('LayerNormalization', 'LayerNormalization', {'x': f(2, 3, 8), 's': f(8), 'b': f(8)}, lambda x, s, b: F.layer_norm(x, (8,), s, b, 1e-5))
case('LayerNormalization over two axes', 'LayerNormalization', {'x': f(2, 3, 8), 's': f(3, 8), 'b': f(3, 8)}, lambda x, s, b: F.layer_norm(x, (3, 8), s, b, 1e-3), axis=1, epsilon=1e-3)
case('LayerNormalization without bias, symbolic', 'LayerNormalization', {'x': f(2, 3, 8), 's': f(8)}, lambda x, s: F.layer_norm(x, (8,), s, None, 1e-5), symbolic={'x'})
case('InstanceNormalization', 'InstanceNormalization', {'x': f(2, 3, 4, 5), 's': f(3), 'b': f(3)}, lambda x, s, b: F.instance_norm(x, None, None, s, b, eps=1e-5))
case('InstanceNormalization 1-D', 'InstanceNormalization', {'x': f(2, 3, 9), 's': f(3), 'b': f(3)}, lambda x, s, b: F.instance_norm(x, None, None, s, b, eps=1e-4), epsilon=1e-4)
case('GroupNormalization 21', 'GroupNormalization', {'x': f(2, 6, 4, 5), 's': f(6), 'b': f(6)}, lambda x, s, b: F.group_norm(x, 3, s, b, 1e-5), opset=21, num_groups=3)
case('GroupNormalization 18', 'GroupNormalization', {'x': f(2, 6, 4, 5), 's': f(3), 'b': f(3)},
     lambda x, s, b: F.group_norm(x, 3, s.repeat_interleave(2), b.repeat_interleave(2), 1e-5), opset=18, num_groups=3)
case('GroupNormalization, symbolic', 'GroupNormalization', {'x': f(2, 6, 4, 5), 's': f(6), 'b': f(6)}, lambda x, s, b: F.group_norm(x, 2, s, b, 1e-5), opset=21, num_groups=2, symbolic={'x'})
case('BatchNormalization', 'BatchNormalization', {'x': f(2, 3, 4, 5), 's': f(3), 'b': f(3), 'm': f(3), 'v': f(3, **pos)},
     lambda x, s, b, m, v: (x - m.view(1, 3, 1, 1)) / torch.sqrt(v.view(1, 3, 1, 1) + 1e-5) * s.view(1, 3, 1, 1) + b.view(1, 3, 1, 1))
case('SimplifiedLayerNormalization', 'SimplifiedLayerNormalization', {'x': f(2, 3, 8), 's': f(8)}, lambda x, s: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * s, epsilon=1e-5, axis=-1, stash_type=1)
case('RMSNormalization', 'RMSNormalization', {'x': f(2, 3, 8), 's': f(8)}, lambda x, s: F.rms_norm(x, (8,), s, 1e-5), opset=23)
case('LpNormalization 2', 'LpNormalization', {'x': f(3, 8)}, lambda x: F.normalize(x, p=2, dim=1), axis=1)
case('LpNormalization 1', 'LpNormalization', {'x': f(3, 8)}, lambda x: F.normalize(x, p=1, dim=0), axis=0, p=1)

# Reductions
reductions = {
    'ReduceSum': lambda x, d, k: x.sum(d, keepdim=k), 'ReduceMean': lambda x, d, k: x.mean(d, keepdim=k), 'ReduceMax': lambda x, d, k: x.amax(d, keepdim=k),
    'ReduceMin': lambda x, d, k: x.amin(d, keepdim=k), 'ReduceL1': lambda x, d, k: x.abs().sum(d, keepdim=k), 'ReduceL2': lambda x, d, k: x.square().sum(d, keepdim=k).sqrt(),
    'ReduceSumSquare': lambda x, d, k: x.square().sum(d, keepdim=k), 'ReduceLogSumExp': lambda x, d, k: torch.logsumexp(x, d, keepdim=k),
    'ReduceLogSum': lambda x, d, k: x.sum(d, keepdim=k).log()}
for op, fn in reductions.items():
    x = f(3, 4, 5, **pos) if op == 'ReduceLogSum' else f(3, 4, 5)
    case(f'{op} over 1', op, {'x': x}, lambda x: fn(x, (1,), True), constants={'axes': i64(1)})
    case(f'{op} over -1 and 0, dropped', op, {'x': x}, lambda x: fn(x, (-1, 0), False), constants={'axes': i64(-1, 0)}, keepdims=0)
    case(f'{op} over all', op, {'x': x}, lambda x: fn(x, (0, 1, 2), False), keepdims=0)
    case(f'{op}, symbolic', op, {'x': x}, lambda x: fn(x, (2,), False), constants={'axes': i64(2)}, keepdims=0, symbolic=True)
    if op != 'ReduceSum':
        case(f'{op}, axes as an attribute', op, {'x': x}, lambda x: fn(x, (1, 2), True), opset=17, axes=[1, 2])
case('ReduceProd', 'ReduceProd', {'x': f(3, 4)}, lambda x: x.prod(1), constants={'axes': i64(1)}, keepdims=0)
case('ReduceProd with a zero', 'ReduceProd', {'x': np.array([[1, 0, 2], [0, 0, 3], [1, 2, 3]], np.float32)}, lambda x: x.prod(1), constants={'axes': i64(1)}, keepdims=0)
case('ReduceMax with ties', 'ReduceMax', {'x': np.array([[1, 2, 2], [0, 0, 0]], np.float32)}, lambda x: x.amax(1), constants={'axes': i64(1)}, keepdims=0)
case('TopK', 'TopK', {'x': f(3, 6)}, lambda x: x.topk(2, 1)[0], constants={'k': i64(2)}, outputs=2, axis=1)

# Losses
t = np.array([2, 0, 1], np.int64)
for reduction in ('mean', 'sum', 'none'):
    case(f'SoftmaxCrossEntropyLoss {reduction}', 'SoftmaxCrossEntropyLoss', {'x': f(3, 4), 't': t}, lambda x, t: F.cross_entropy(x, t, reduction=reduction), reduction=reduction)
case('SoftmaxCrossEntropyLoss, weighted, one ignored', 'SoftmaxCrossEntropyLoss', {'x': f(3, 4, 2), 't': np.array([[2, 0], [1, 3], [0, 0]], np.int64), 'w': f(4, **pos)},
     lambda x, t, w: F.cross_entropy(x, t, w, ignore_index=3), wrt=['x'], ignore_index=3)
case('NegativeLogLikelihoodLoss', 'NegativeLogLikelihoodLoss', {'x': f(3, 4), 't': t}, lambda x, t: F.nll_loss(x, t))
case('LpPool', 'LpPool', {'x': f(1, 2, 6, 6)}, lambda x: F.avg_pool2d(x.abs() ** 3, 2).mul(4) ** (1 / 3), kernel_shape=[2, 2], strides=[2, 2], p=3)
case('GlobalLpPool', 'GlobalLpPool', {'x': f(1, 2, 4, 4)}, lambda x: x.square().sum((2, 3), keepdim=True).sqrt())
case('Hardmax', '', {'x': f(2, 3)}, lambda x: x * 2, nodes=[h.make_node('Hardmax', ['x'], ['h']), h.make_node('Mul', ['h', 'zero'], ['z']), h.make_node('Add', ['x', 'x'], ['d']), h.make_node('Add', ['d', 'z'], ['y'])], constants={'zero': np.float32(0)})

# Sizes
def resize(name, x, opset=18, scales=None, sizes=None, symbolic=False, **a):
    nodes = [h.make_node('Resize', ['x', '', 'scales'] if scales is not None else ['x', '', '', 'sizes'], ['y'], **a)]
    constants = {'scales': np.array(scales, np.float32)} if scales is not None else {'sizes': i64(*sizes)}
    case(f'Resize {name}', '', {'x': f(*x)}, None, nodes=nodes, constants=constants, opset=opset, symbolic=symbolic)

resize('nearest ×2', (1, 2, 3, 4), scales=[1, 1, 2, 2], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest ×2, opset 13', (1, 2, 3, 4), opset=13, scales=[1, 1, 2, 2], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest ×3, half pixel', (1, 2, 3, 4), scales=[1, 1, 3, 3], mode='nearest')
resize('nearest ×2, symbolic', (1, 2, 3, 4), scales=[1, 1, 2, 2], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor', symbolic=True)
resize('nearest ×2, asymmetric ceil', (1, 2, 3, 4), scales=[1, 1, 2, 2], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='ceil')
resize('nearest ×1.7', (1, 2, 4, 5), scales=[1, 1, 1.7, 1.3], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest to sizes', (1, 2, 3, 4), sizes=[1, 2, 5, 7], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest to twice by sizes', (1, 2, 3, 4), sizes=[1, 2, 6, 8], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest to sizes, symbolic', (1, 2, 3, 4), sizes=[1, 2, 5, 7], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor', symbolic=True)
resize('nearest ÷2', (1, 2, 6, 4), scales=[1, 1, .5, .5], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
for mode in ('half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel'):
    resize(f'linear ×2, {mode}', (1, 2, 3, 4), scales=[1, 1, 2, 2], mode='linear', coordinate_transformation_mode=mode)
    resize(f'linear to sizes, {mode}', (1, 2, 5, 4), sizes=[1, 2, 3, 7], mode='linear', coordinate_transformation_mode=mode)
resize('linear, symbolic', (1, 2, 3, 4), scales=[1, 1, 1.5, 2.5], mode='linear', symbolic=True)
resize('linear, antialiased', (1, 2, 8, 6), sizes=[1, 2, 3, 3], mode='linear', antialias=1)
resize('cubic', (1, 2, 4, 4), scales=[1, 1, 2, 1.5], mode='cubic', cubic_coeff_a=-0.75)
resize('nearest over named axes', (1, 2, 3, 4), scales=[2, 2], axes=[2, 3], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
resize('nearest 1-D', (1, 2, 5), scales=[1, 1, 2], mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor')
for mode in ('DCR', 'CRD'):
    case(f'DepthToSpace {mode}', 'DepthToSpace', {'x': f(1, 8, 2, 3)}, None, blocksize=2, mode=mode)
case('DepthToSpace CRD, symbolic', 'DepthToSpace', {'x': f(1, 8, 2, 3)}, None, blocksize=2, mode='CRD', symbolic=True)
case('SpaceToDepth', 'SpaceToDepth', {'x': f(1, 2, 4, 6)}, None, blocksize=2)

# Arrangement
lin = lambda name, op, inputs, **k: case(name, op, inputs, None, **k)
lin('Reshape', 'Reshape', {'x': f(2, 3, 4)}, constants={'shape': i64(0, -1)})
lin('Reshape, symbolic', 'Reshape', {'x': f(2, 3, 4)}, constants={'shape': i64(0, -1)}, symbolic=True)
lin('Flatten', 'Flatten', {'x': f(2, 3, 4)}, axis=2)
lin('Squeeze', 'Squeeze', {'x': f(2, 1, 4, 1)}, constants={'axes': i64(1, -1)})
lin('Squeeze all', 'Squeeze', {'x': f(2, 1, 4, 1)})
lin('Unsqueeze', 'Unsqueeze', {'x': f(2, 4)}, constants={'axes': i64(0, -1)})
lin('Transpose', 'Transpose', {'x': f(2, 3, 4)}, perm=[2, 0, 1])
lin('Transpose, default', 'Transpose', {'x': f(2, 3, 4)})
for name, s, e, a, t in [('plain', [1], [3], [1], [1]), ('two axes', [0, 1], [1, 4], [0, 2], None), ('negative', [-3], [-1], [-1], [1]), ('steps', [0], [9], [1], [2]), ('steps from one', [1], [2**31 - 1], [1], [2]),
                         ('backwards', [-1], [-(2**63) + 1], [2], [-1]), ('backwards by two', [4], [0], [1], [-2]), ('beyond', [2], [2**63 - 1], [1], [1]), ('nothing of it', [3], [3], [1], [1])]:
    for symbolic in (False, True):
        constants = {'s': i64(*s), 'e': i64(*e), 'a': i64(*a)}
        if t is not None: constants['t'] = i64(*t)
        lin(f'Slice {name}' + (', symbolic' if symbolic else ''), 'Slice', {'x': f(2, 5, 4)}, constants=constants, symbolic=symbolic)
case('Slice at run time', 'Slice', {'x': f(5, 4), 's': i64(1), 'e': i64(4)}, lambda x, s, e: x[1:4])
case('Split', '', {'x': f(2, 6)}, lambda x: x[:, :2] * x[:, 4:], nodes=[h.make_node('Split', ['x', 'parts'], ['p', 'q', 'r'], axis=1), h.make_node('Mul', ['p', 'r'], ['y'])], constants={'parts': i64(2, 2, 2)})
case('Split, opset 13 even', '', {'x': f(2, 6)}, lambda x: x[:, :3] * x[:, 3:], nodes=[h.make_node('Split', ['x'], ['p', 'r'], axis=1), h.make_node('Mul', ['p', 'r'], ['y'])], opset=13)
case('Split, uneven', '', {'x': f(2, 5)}, lambda x: x[:, 3:] * 2, nodes=[h.make_node('Split', ['x'], ['p', 'q'], axis=-1, num_outputs=2), h.make_node('Add', ['q', 'q'], ['y'])])
case('Split, symbolic', '', {'x': f(2, 6)}, lambda x: x[:, :3] * x[:, 3:], nodes=[h.make_node('Split', ['x'], ['p', 'r'], axis=1, num_outputs=2), h.make_node('Mul', ['p', 'r'], ['y'])], symbolic=True)
case('Concat', 'Concat', {'a': f(2, 3), 'b': f(2, 1), 'c': f(2, 4)}, lambda *t: torch.cat(t, 1), axis=1)
case('Concat, symbolic', 'Concat', {'a': f(2, 3), 'b': f(2, 1)}, lambda *t: torch.cat(t, -1), axis=-1, symbolic=True)
case('Concat, the same twice', '', {'a': f(2, 3)}, lambda a: torch.cat([a, a], 0), nodes=[h.make_node('Concat', ['a', 'a'], ['y'], axis=0)])
lin('Expand', 'Expand', {'x': f(3, 1)}, constants={'shape': i64(2, 1, 4)})
lin('Expand, symbolic', 'Expand', {'x': f(3, 1)}, constants={'shape': i64(2, 3, 4)}, symbolic=True)
lin('Tile', 'Tile', {'x': f(2, 3)}, constants={'r': i64(2, 3)})
lin('Tile, symbolic', 'Tile', {'x': f(2, 3)}, constants={'r': i64(2, 1)}, symbolic=True)
lin('Pad', 'Pad', {'x': f(2, 3, 4)}, constants={'p': i64(0, 1, 2, 1, 0, 1)})
lin('Pad, negative', 'Pad', {'x': f(2, 3, 4)}, constants={'p': i64(0, -1, 2, 0, 0, -1)})
lin('Pad over named axes', 'Pad', {'x': f(2, 3, 4)}, constants={'p': i64(2, 1), 'v': np.float32(0.5), 'a': i64(-1)})
lin('Pad, symbolic', 'Pad', {'x': f(2, 3, 4)}, constants={'p': i64(0, 1, 2, 1, 0, 1)}, symbolic=True)
case('Pad, the value too', 'Pad', {'x': f(2, 3), 'p': i64(1, 0, 0, 2), 'v': np.float32(0.3)}, lambda x, p, v: torch.cat([torch.cat([v.expand(1, 3), x], 0), v.expand(3, 2)], 1))
for mode in ('reflect', 'edge', 'wrap'):
    lin(f'Pad {mode}', 'Pad', {'x': f(2, 4, 5)}, constants={'p': i64(0, 2, 1, 0, 1, 3)}, mode=mode, opset=19)
lin('Pad reflect, symbolic', 'Pad', {'x': f(1, 4, 5)}, constants={'p': i64(0, 2, 1, 0, 1, 3)}, mode='reflect', symbolic=True)
for exclusive in (0, 1):
    for reverse in (0, 1):
        lin(f'CumSum {exclusive}{reverse}', 'CumSum', {'x': f(3, 4)}, constants={'a': i64(1)}, exclusive=exclusive, reverse=reverse)
lin('Trilu', 'Trilu', {'x': f(2, 4, 4)}, upper=0)
lin('Trilu, shifted', 'Trilu', {'x': f(3, 4)}, constants={'k': np.array(1, np.int64)}, upper=1)

# Indices
lin('Gather rows', 'Gather', {'x': f(5, 3)}, constants={'i': np.array([[0, 4], [2, 2]], np.int64)})
lin('Gather columns, negative', 'Gather', {'x': f(3, 5, 2)}, constants={'i': i64(-1, 0, -1)}, axis=1)
lin('Gather one', 'Gather', {'x': f(3, 5, 2)}, constants={'i': np.array(-2, np.int64)}, axis=1)
lin('Gather one, kept', 'Gather', {'x': f(3, 5, 2)}, constants={'i': i64(3)}, axis=1)
case('Gather at run time', 'Gather', {'x': f(5, 3), 'i': np.array([[0, 4, 4]], np.int32)}, lambda x, i: x[i.long()], symbolic=True)
lin('GatherElements', 'GatherElements', {'x': f(3, 4)}, constants={'i': np.array([[0, 1, 1], [3, 0, -1]], np.int64)}, axis=1)
lin('GatherND', 'GatherND', {'x': f(3, 4, 2)}, constants={'i': np.array([[0, 1], [2, 3], [0, 1]], np.int64)})
lin('GatherND, batched', 'GatherND', {'x': f(2, 3, 4)}, constants={'i': np.array([[2], [0]], np.int64)}, batch_dims=1)
lin('GatherND, batched, symbolic', 'GatherND', {'x': f(2, 3, 4)}, constants={'i': np.array([[2], [0]], np.int64)}, batch_dims=1, symbolic=True)
for reduction in ('none', 'add'):
    indices = np.array([[1], [4]], np.int64)
    case(f'ScatterND {reduction}', 'ScatterND', {'x': f(5, 3), 'i': indices, 'u': f(2, 3)},
         lambda x, i, u: (x.index_add(0, i[:, 0], u) if reduction == 'add' else x.index_copy(0, i[:, 0], u)), reduction=reduction)
    at = np.array([[1, 0], [2, 1]], np.int64)
    case(f'ScatterElements {reduction}', 'ScatterElements', {'x': f(3, 2), 'i': at, 'u': f(2, 2)},
         lambda x, i, u: (x.scatter_add(0, i, u) if reduction == 'add' else x.scatter(0, i, u)), reduction=reduction, axis=0)
case('ScatterND, opset 13', 'ScatterND', {'x': f(5, 3), 'i': indices, 'u': f(2, 3)}, lambda x, i, u: x.index_copy(0, i[:, 0], u), opset=13)

# Fused operators of ONNX Runtime
ms = 'com.microsoft'
case('com.microsoft.Gelu', 'Gelu', {'x': f(3, 4)}, F.gelu, domain=ms)
case('com.microsoft.BiasGelu', 'BiasGelu', {'x': f(3, 4), 'b': f(4)}, lambda x, b: F.gelu(x + b), domain=ms)
case('com.microsoft.FastGelu', 'FastGelu', {'x': f(3, 4), 'b': f(4)}, lambda x, b: F.gelu(x + b, approximate='tanh'), domain=ms)
case('com.microsoft.QuickGelu', 'QuickGelu', {'x': f(3, 4)}, lambda x: x * torch.sigmoid(1.702 * x), domain=ms, alpha=1.702)
case('com.microsoft.SkipLayerNormalization', 'SkipLayerNormalization', {'x': f(2, 3, 8), 'r': f(2, 3, 8), 'g': f(8), 'e': f(8), 'b': f(8)},
     lambda x, r, g, e, b: F.layer_norm(x + r + b, (8,), g, e, 1e-5), domain=ms, epsilon=1e-5)
case('com.microsoft.SkipSimplifiedLayerNormalization', 'SkipSimplifiedLayerNormalization', {'x': f(2, 3, 8), 'r': f(2, 3, 8), 'g': f(8)},
     lambda x, r, g: F.rms_norm(x + r, (8,), g, 1e-5), domain=ms, epsilon=1e-5)
case('com.microsoft.FusedMatMul', 'FusedMatMul', {'a': f(2, 4, 3), 'b': f(2, 5, 4)}, lambda a, b: 0.5 * a.transpose(1, 2) @ b.transpose(1, 2), domain=ms, alpha=0.5, transA=1, transB=1)
case('com.microsoft.FusedConv', 'FusedConv', {'x': f(2, 2, 5, 5), 'w': f(3, 2, 3, 3), 'b': f(3)}, lambda x, w, b: F.relu(F.conv2d(x, w, b, padding=1)), domain=ms, activation='Relu', pads=[1, 1, 1, 1])
def heads(x, n):
    return x.reshape(x.shape[0], x.shape[1], n, -1).transpose(1, 2)
def join(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)
def sdpa(q, k, v, n, **k2):
    return join(F.scaled_dot_product_attention(heads(q, n), heads(k, n), heads(v, n), **k2))
case('com.microsoft.MultiHeadAttention', 'MultiHeadAttention', {'q': f(2, 3, 8), 'k': f(2, 5, 8), 'v': f(2, 5, 8)}, lambda q, k, v: sdpa(q, k, v, 2), domain=ms, num_heads=2)
case('com.microsoft.MultiHeadAttention with bias', 'MultiHeadAttention', {'q': f(2, 3, 8), 'k': f(2, 5, 8), 'v': f(2, 5, 8), 'b': f(24)},
     lambda q, k, v, b: sdpa(q + b[:8], k + b[8:16], v + b[16:], 2), domain=ms, num_heads=2)
case('com.microsoft.Attention', 'Attention', {'x': f(2, 4, 6), 'w': f(6, 24), 'b': f(24)},
     lambda x, w, b: sdpa(*(x @ w + b).split(8, -1), 2), domain=ms, num_heads=2)
case('com.microsoft.Attention, causal', 'Attention', {'x': f(2, 4, 6), 'w': f(6, 24), 'b': f(24)},
     lambda x, w, b: sdpa(*(x @ w + b).split(8, -1), 2, is_causal=True), domain=ms, num_heads=2, unidirectional=1)
case('Attention 23', 'Attention', {'q': f(2, 2, 3, 4), 'k': f(2, 2, 5, 4), 'v': f(2, 2, 5, 4)}, F.scaled_dot_product_attention, opset=23)
case('Attention 23, joined, causal', 'Attention', {'q': f(2, 3, 8), 'k': f(2, 3, 4), 'v': f(2, 3, 4)},
     lambda q, k, v: join(F.scaled_dot_product_attention(heads(q, 4), heads(k, 2), heads(v, 2), is_causal=True, enable_gqa=True)), opset=23, q_num_heads=4, kv_num_heads=2, is_causal=1)
case('Attention 23 with a mask', 'Attention', {'q': f(2, 2, 3, 4), 'k': f(2, 2, 5, 4), 'v': f(2, 2, 5, 4), 'm': f(3, 5)}, lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), opset=23)
def rope(x, cos, sin, interleaved):
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    c, s = cos.unsqueeze(1), sin.unsqueeze(1)
    re, im = a * c - b * s, a * s + b * c
    return torch.stack([re, im], -1).flatten(-2) if interleaved else torch.cat([re, im], -1)
for interleaved in (0, 1):
    case(f'RotaryEmbedding 23 {interleaved}', 'RotaryEmbedding', {'x': f(1, 2, 3, 8), 'c': f(1, 3, 4), 's': f(1, 3, 4)}, lambda x, c, s: rope(x, c, s, interleaved), wrt=['x'], opset=23, interleaved=interleaved)

# Other types
case('float64 chain', '', {'x': f(3, 4).astype(np.float64)}, lambda x: torch.softmax(torch.tanh(x @ x.T), -1),
     nodes=[h.make_node('Transpose', ['x'], ['t']), h.make_node('MatMul', ['x', 't'], ['m']), h.make_node('Tanh', ['m'], ['n']), h.make_node('Softmax', ['n'], ['y'])])
half = lambda *d: f(*d).astype(np.float16)
case('float16 chain', '', {'x': half(3, 4), 'w': half(4, 5)}, lambda x, w: torch.sigmoid(x @ w),
     nodes=[h.make_node('MatMul', ['x', 'w'], ['m']), h.make_node('Sigmoid', ['m'], ['y'])], tolerance=5e-3)
case('float16 LayerNormalization', 'LayerNormalization', {'x': half(2, 3, 8), 's': half(8), 'b': half(8)}, lambda x, s, b: F.layer_norm(x, (8,), s, b, 1e-5), tolerance=5e-3)

# Images read at free places; the places lie off the pixels' own, where the gradient is torch's choice.
grid = f(2, 3, 4, 2, low=-1.4, high=1.4)
for mode in ('bilinear', 'nearest'):
    for padding in ('zeros', 'border', 'reflection'):
        for aligned in (0, 1):
            case(f'GridSample {mode}, {padding}, aligned {aligned}', 'GridSample', {'x': f(2, 3, 5, 4), 'g': grid},
                 lambda x, g: F.grid_sample(x, g, mode, padding, bool(aligned)), mode=mode, padding_mode=padding, align_corners=aligned, opset=17, symbolic=aligned == 1)
case('GridSample of a volume', 'GridSample', {'x': f(1, 2, 3, 4, 5), 'g': f(1, 2, 3, 2, 3, low=-1.2, high=1.2)}, lambda x, g: F.grid_sample(x, g, align_corners=False), mode='linear', opset=20)

# Half-precision gradients that add up where they were taken
case('float16 Gather', 'Gather', {'x': half(4, 3), 'i': np.array([1, 3, 1], np.int64)}, lambda x, i: x[i], axis=0, tolerance=5e-3)
case('float16 GatherElements', 'GatherElements', {'x': half(2, 3), 'i': np.array([[0, 2, 2], [1, 1, 0]], np.int64)}, lambda x, i: x.gather(1, i), axis=1, tolerance=5e-3)
case('float16 MaxPool', 'MaxPool', {'x': half(1, 2, 5, 5)}, lambda x: F.max_pool2d(x, 3, 2), kernel_shape=[3, 3], strides=[2, 2], tolerance=5e-3)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'operators.json')
json.dump(cases, open(path, 'w'), separators=(',', ':'))
print(len(cases), 'cases', os.path.getsize(path) // 1024, 'kB')
