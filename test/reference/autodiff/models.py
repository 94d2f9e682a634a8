"""Makes models/*.onnx and models/*.json: tiny networks of the families that Gamut meets, with random weights, exported by
both exporters of torch, with inputs, a cotangent and the gradients that torch.autograd takes in float64.

Run: python3 models.py [name ...]
"""
import base64, copy, io, json, math, os, sys, warnings
import numpy as np, onnx, torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import numpy_helper

warnings.filterwarnings('ignore')
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'models')
os.makedirs(here, exist_ok=True)


def pack(t):
    a = np.asarray(t.detach().numpy() if torch.is_tensor(t) else t, order='C')
    return {'type': str(a.dtype), 'dims': list(a.shape), 'data': base64.b64encode(a.tobytes()).decode()}


def timestep_embedding(t, size):
    half = size // 2
    real = torch.get_default_dtype()
    angles = t.to(real)[:, None] * torch.exp(-math.log(10000) * torch.arange(half, dtype=real) / half)[None]
    return torch.cat([angles.cos(), angles.sin()], -1)


class Attention(nn.Module):
    def __init__(self, c, context=None, heads=2):
        super().__init__()
        self.h = heads
        self.q, self.k, self.v, self.o = nn.Linear(c, c, bias=False), nn.Linear(context or c, c, bias=False), nn.Linear(context or c, c, bias=False), nn.Linear(c, c)

    def forward(self, x, context=None, causal=False, manual=False):
        context = x if context is None else context
        split = lambda y: y.view(y.shape[0], y.shape[1], self.h, -1).transpose(1, 2)
        q, k, v = split(self.q(x)), split(self.k(context)), split(self.v(context))
        if manual:
            y = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.o(y.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1))


class GEGLU(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.p, self.o = nn.Linear(c, 4 * c), nn.Linear(2 * c, c)

    def forward(self, x):
        a, b = self.p(x).chunk(2, -1)
        return self.o(a * F.gelu(b))


class Block(nn.Module):
    def __init__(self, c, context):
        super().__init__()
        self.n1, self.n2, self.n3 = nn.LayerNorm(c), nn.LayerNorm(c), nn.LayerNorm(c)
        self.a1, self.a2, self.f = Attention(c), Attention(c, context), GEGLU(c)

    def forward(self, x, context):
        x = x + self.a1(self.n1(x))
        x = x + self.a2(self.n2(x), context, manual=True)
        return x + self.f(self.n3(x))


class Spatial(nn.Module):
    def __init__(self, c, context, depth=1, linear=False):
        super().__init__()
        self.n = nn.GroupNorm(4, c, eps=1e-6)
        self.linear = linear
        self.i = nn.Linear(c, c) if linear else nn.Conv2d(c, c, 1)
        self.o = nn.Linear(c, c) if linear else nn.Conv2d(c, c, 1)
        self.b = nn.ModuleList(Block(c, context) for _ in range(depth))

    def forward(self, x, context):
        b, c, h, w = x.shape
        y = self.n(x)
        if not self.linear: y = self.i(y)
        y = y.permute(0, 2, 3, 1).reshape(b, h * w, c)
        if self.linear: y = self.i(y)
        for block in self.b: y = block(y, context)
        if self.linear: y = self.o(y)
        y = y.reshape(b, h, w, c).permute(0, 3, 1, 2)
        if not self.linear: y = self.o(y)
        return x + y


class Res(nn.Module):
    def __init__(self, i, o, t=None):
        super().__init__()
        self.n1, self.c1, self.n2, self.c2 = nn.GroupNorm(4, i), nn.Conv2d(i, o, 3, padding=1), nn.GroupNorm(4, o), nn.Conv2d(o, o, 3, padding=1)
        self.t = nn.Linear(t, o) if t else None
        self.s = nn.Conv2d(i, o, 1) if i != o else None

    def forward(self, x, t=None):
        y = self.c1(F.silu(self.n1(x)))
        if self.t is not None: y = y + self.t(F.silu(t))[:, :, None, None]
        return (x if self.s is None else self.s(x)) + self.c2(F.silu(self.n2(y)))


class UNet(nn.Module):
    def __init__(self, added=0, depth=1, linear=False, c=8, context=12):
        super().__init__()
        t = 16
        self.c = c
        self.time = nn.Sequential(nn.Linear(c, t), nn.SiLU(), nn.Linear(t, t))
        self.added = nn.Sequential(nn.Linear(added + 2 * c, t), nn.SiLU(), nn.Linear(t, t)) if added else None
        self.i = nn.Conv2d(4, c, 3, padding=1)
        self.d1, self.a1, self.down = Res(c, c, t), Spatial(c, context, 1, linear), nn.Conv2d(c, c, 3, stride=2, padding=1)
        self.m1, self.ma, self.m2 = Res(c, 2 * c, t), Spatial(2 * c, context, depth, linear), Res(2 * c, 2 * c, t)
        self.up, self.u1, self.ua = nn.Conv2d(2 * c, 2 * c, 3, padding=1), Res(3 * c, c, t), Spatial(c, context, 1, linear)
        self.n, self.o = nn.GroupNorm(4, c), nn.Conv2d(c, 4, 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states, text_embeds=None, time_ids=None):
        t = self.time(timestep_embedding(timestep, self.c))
        if self.added is not None:
            ids = timestep_embedding(time_ids.flatten(), self.c).reshape(time_ids.shape[0], -1)
            t = t + self.added(torch.cat([text_embeds, ids], -1))
        x = self.i(sample)
        skip = self.a1(self.d1(x, t), encoder_hidden_states)
        x = self.m2(self.ma(self.m1(self.down(skip), t), encoder_hidden_states), t)
        x = self.up(F.interpolate(x, scale_factor=2.0, mode='nearest'))
        x = self.ua(self.u1(torch.cat([x, skip], 1), t), encoder_hidden_states)
        return self.o(F.silu(self.n(x)))


class RMSNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(c))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class DiT(nn.Module):
    """Patches, adaptive LayerNorm modulation, joint attention of image and text with RMS-normalised queries and keys and
    rotary positions: what SD3 and Flux class transformers are made of."""

    def __init__(self, c=16, heads=2, size=8):
        super().__init__()
        self.h, self.size, self.c = heads, size, c
        self.patch = nn.Conv2d(4, c, 2, stride=2)
        self.pos = nn.Parameter(torch.randn(1, (size // 2) ** 2, c) * .1)
        self.text = nn.Linear(10, c)
        self.time = nn.Sequential(nn.Linear(c, c), nn.SiLU(), nn.Linear(c, c))
        self.mod, self.qkv, self.tqkv = nn.Linear(c, 6 * c), nn.Linear(c, 3 * c), nn.Linear(c, 3 * c)
        self.qn, self.kn = RMSNorm(c // heads), RMSNorm(c // heads)
        self.o, self.f1, self.f2 = nn.Linear(c, c), nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.fmod, self.out = nn.Linear(c, 2 * c), nn.Linear(c, 16)
        self.n = nn.LayerNorm(c, elementwise_affine=False, eps=1e-6)

    def rope(self, x):
        d = x.shape[-1]
        freq = 1.0 / (100 ** (torch.arange(0, d, 2, dtype=torch.get_default_dtype()) / d))
        angles = torch.outer(torch.arange(x.shape[2], dtype=torch.get_default_dtype()), freq)
        cos, sin = angles.cos()[None, None, :, :, None], angles.sin()[None, None, :, :, None]
        pairs = x.reshape(*x.shape[:-1], -1, 2)
        a, b = pairs[..., 0:1], pairs[..., 1:2]
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1).flatten(3)

    def forward(self, hidden_states, timestep, encoder_hidden_states):
        b = hidden_states.shape[0]
        x = self.patch(hidden_states).flatten(2).transpose(1, 2) + self.pos
        y = self.text(encoder_hidden_states)
        t = self.time(timestep_embedding(timestep * 10, self.c))  # small: float32 knows large angles to 1e-4 only
        s1, k1, g1, s2, k2, g2 = self.mod(F.silu(t)).unsqueeze(1).chunk(6, -1)
        hx = self.n(x) * (1 + k1) + s1
        split = lambda z: z.view(b, -1, 3, self.h, self.c // self.h).permute(2, 0, 3, 1, 4)
        q, k, v = split(self.qkv(hx)).unbind(0)
        tq, tk, tv = split(self.tqkv(y)).unbind(0)
        q, k, v = torch.cat([tq, q], 2), torch.cat([tk, k], 2), torch.cat([tv, v], 2)
        z = F.scaled_dot_product_attention(self.rope(self.qn(q)), self.rope(self.kn(k)), v)
        z = z.transpose(1, 2).reshape(b, -1, self.c)[:, y.shape[1]:]
        x = x + g1 * self.o(z)
        x = x + g2 * self.f2(F.gelu(self.f1(self.n(x) * (1 + k2) + s2), approximate='tanh'))
        s, k = self.fmod(F.silu(t)).unsqueeze(1).chunk(2, -1)
        x = self.out(self.n(x) * (1 + k) + s)
        n = self.size // 2
        return torch.einsum('nhwpqc->nchpwq', x.reshape(b, n, n, 2, 2, 4)).reshape(b, 4, self.size, self.size)


class ViT(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.patch, self.cls, self.pos = nn.Conv2d(3, c, 4, stride=4), nn.Parameter(torch.randn(1, 1, c)), nn.Parameter(torch.randn(1, 17, c) * .1)
        self.layer = nn.TransformerEncoderLayer(c, 2, 32, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.scale, self.n, self.head = nn.Parameter(torch.ones(c)), nn.LayerNorm(c), nn.Linear(c, 6, bias=False)

    def forward(self, pixel_values):
        x = self.patch(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
        x = self.n(self.layer(x) * self.scale)
        x = self.head(x[:, 0] + x[:, 1:].mean(1))
        return x / x.norm(dim=-1, keepdim=True)


class Clip(nn.Module):
    def __init__(self, c=16, vocabulary=50, length=7):
        super().__init__()
        self.tokens, self.pos = nn.Embedding(vocabulary, c), nn.Parameter(torch.randn(length, c) * .1)
        self.n1, self.a, self.n2, self.f1, self.f2, self.n3 = nn.LayerNorm(c), Attention(c), nn.LayerNorm(c), nn.Linear(c, 32), nn.Linear(32, c), nn.LayerNorm(c)
        self.p = nn.Linear(c, 8, bias=False)

    def forward(self, input_ids):
        x = self.tokens(input_ids) + self.pos
        x = x + self.a(self.n1(x), causal=True)
        y = self.f1(self.n2(x))
        x = self.n3(x + self.f2(y * torch.sigmoid(1.702 * y)))
        pooled = x[torch.arange(x.shape[0]), input_ids.argmax(-1)]
        return self.p(pooled)


class Encoder(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.i, self.r1, self.down, self.r2, self.a = nn.Conv2d(3, c, 3, padding=1), Res(c, c), nn.Conv2d(c, c, 3, stride=2), Res(c, 2 * c), Attention(2 * c, heads=1)
        self.n, self.an, self.o = nn.GroupNorm(4, 2 * c), nn.GroupNorm(4, 2 * c), nn.Conv2d(2 * c, 8, 3, padding=1)

    def forward(self, sample):
        x = self.r1(self.i(sample))
        x = self.r2(self.down(F.pad(x, (0, 1, 0, 1))))
        b, c, h, w = x.shape
        x = x + self.a(self.an(x).view(b, c, h * w).transpose(1, 2)).transpose(1, 2).reshape(b, c, h, w)
        mean, logvar = self.o(F.silu(self.n(x))).chunk(2, 1)
        return mean + torch.exp(0.5 * logvar.clamp(-30.0, 20.0))


class Decoder(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.i, self.r1, self.up, self.r2, self.n, self.o = nn.Conv2d(4, 2 * c, 3, padding=1), Res(2 * c, 2 * c), nn.Conv2d(2 * c, c, 3, padding=1), Res(c, c), nn.GroupNorm(4, c), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, latent_sample):
        x = F.interpolate(self.r1(self.i(latent_sample)), scale_factor=2, mode='bilinear', align_corners=False)
        x = F.interpolate(self.r2(self.up(x)), scale_factor=2.0, mode='nearest')
        return torch.tanh(self.o(F.silu(self.n(x))))


class Classic(nn.Module):
    """What older image networks add: batch normalization, poolings, transposed and grouped convolutions, many activations."""

    def __init__(self):
        super().__init__()
        self.c1, self.b1, self.c2, self.c3 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 12, 1)
        self.t, self.p, self.i = nn.ConvTranspose2d(12, 6, 4, stride=2, padding=1), nn.PReLU(6), nn.InstanceNorm2d(6, affine=True)
        self.shuffle, self.fc = nn.PixelShuffle(2), nn.Linear(24, 5)
        for m in (self.b1,):
            m.running_mean.normal_(); m.running_var.uniform_(.5, 2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.b1(self.c1(x))), 3, 2, 1)
        x = F.hardswish(self.c3(F.relu6(self.c2(x))))
        x = F.avg_pool2d(self.i(self.p(self.t(x))), 2) + F.adaptive_avg_pool2d(F.mish(x)[:, :6], 1)
        x = F.pad(x, (1, 1, 1, 1), mode='reflect')
        y = F.elu(x) + F.softplus(x.flip(-1)) + F.leaky_relu(x.roll(1, 2), 0.2)
        z = torch.cat([y.amax((2, 3)), y.std((2, 3)), y.mean((2, 3)), torch.logsumexp(y, (2, 3))], 1)
        return F.log_softmax(self.fc(z), -1)


def build(name, net, inputs, dynamic, wrt):
    torch.manual_seed(3)
    net = net().eval()
    for p in net.parameters():
        with torch.no_grad(): p.add_(0.02 * torch.randn_like(p))
    names, tensors = list(inputs), [torch.as_tensor(v) for v in inputs.values()]
    exact = copy.deepcopy(net).double()
    given = {k: t.double().requires_grad_() if t.is_floating_point() else t for k, t in zip(names, tensors)}
    torch.set_default_dtype(torch.float64)
    y = exact(*given.values())
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(5)
    dy = torch.randn(y.shape).float()
    params = dict(exact.named_parameters())
    sources = {k: given[k] for k in wrt if k in given} | {k: params[k] for k in wrt if k in params}
    gradients = dict(zip(sources, torch.autograd.grad(y, list(sources.values()), dy.double())))
    for exporter in ('dynamo', 'legacy'):
        path = os.path.join(here, f'{name}-{exporter}.onnx')
        common = dict(input_names=names, output_names=['out'])
        if exporter == 'dynamo':
            shapes = {k: {a: torch.export.Dim.DYNAMIC for a in v} for k, v in dynamic.items()} if dynamic else None
            program = torch.onnx.export(net, tuple(tensors), dynamo=True, verbose=False, dynamic_shapes=tuple(shapes.get(k, {}) for k in names) if shapes else None, **common)
            program.save(path, external_data=False)
        else:
            axes = {k: {a: f'{k}_{a}' for a in v} for k, v in dynamic.items()}
            torch.onnx.export(net, tuple(tensors), path, dynamo=False, opset_version=17, dynamic_axes=axes, do_constant_folding=True, **common)
        model = onnx.load(path)
        model.graph.doc_string = ''
        for node in model.graph.node:
            node.doc_string = ''
            del node.metadata_props[:]
        del model.metadata_props[:], model.graph.metadata_props[:]
        for value in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output): del value.metadata_props[:]
        for t in model.graph.initializer: t.doc_string = ''
        onnx.save(model, path)
        present = {i.name: tuple(i.dims) for i in model.graph.initializer} | {i.name: None for i in model.graph.input}
        kept = {k: g for k, g in gradients.items() if k in present and present[k] in (None, tuple(g.shape))}
        record = {'model': f'{name}-{exporter}.onnx', 'output': model.graph.output[0].name, 'inputs': {k: pack(t) for k, t in zip(names, tensors)}, 'y': pack(y.detach().float()),
                  'cotangent': pack(dy), 'gradients': {k: pack(g.float()) for k, g in kept.items()}}
        json.dump(record, open(path.replace('.onnx', '.json'), 'w'), separators=(',', ':'))
        print(name, exporter, os.path.getsize(path) // 1024, 'kB', len(model.graph.node), 'nodes', [o.version for o in model.opset_import if o.domain == ''], 'by', list(kept))


r = np.random.default_rng(11)
f = lambda *d: r.standard_normal(d).astype(np.float32)
table = {
    'unet': (lambda: UNet(), {'sample': f(2, 4, 8, 8), 'timestep': np.array([500, 20], np.int64), 'encoder_hidden_states': f(2, 5, 12)},
             {'sample': [0, 2, 3], 'timestep': [0], 'encoder_hidden_states': [0, 1]}, ['sample', 'encoder_hidden_states', 'd1.c1.weight', 'down.weight', 'a1.n.weight', 'm1.t.bias']),
    'unet-static': (lambda: UNet(), {'sample': f(1, 4, 8, 8), 'timestep': np.array([500], np.int64), 'encoder_hidden_states': f(1, 5, 12)},
             {}, ['sample', 'encoder_hidden_states', 'd1.c1.weight', 'down.weight', 'a1.n.weight', 'm1.t.bias']),
    'sdxl': (lambda: UNet(added=6, depth=2, linear=True), {'sample': f(2, 4, 8, 8), 'timestep': np.array([3.0, 700.0], np.float32), 'encoder_hidden_states': f(2, 5, 12), 'text_embeds': f(2, 6),
             'time_ids': np.array([[8, 0], [8, 2]], np.float32)}, {'sample': [0, 2, 3], 'timestep': [0], 'encoder_hidden_states': [0, 1], 'text_embeds': [0], 'time_ids': [0]},
             ['sample', 'encoder_hidden_states', 'text_embeds', 'o.weight', 'n.bias']),
    'dit': (lambda: DiT(), {'hidden_states': f(2, 4, 8, 8), 'timestep': np.array([.3, .9], np.float32), 'encoder_hidden_states': f(2, 3, 10)},
            {'hidden_states': [0], 'timestep': [0], 'encoder_hidden_states': [0, 1]}, ['hidden_states', 'encoder_hidden_states', 'timestep', 'pos', 'patch.weight', 'mod.bias']),
    'vit': (lambda: ViT(), {'pixel_values': f(2, 3, 16, 16)}, {'pixel_values': [0]}, ['pixel_values', 'cls', 'pos', 'patch.weight', 'n.weight']),
    'clip-text': (lambda: Clip(), {'input_ids': np.array([[49, 3, 4, 5, 6, 7, 8], [1, 2, 3, 49, 0, 0, 0]], np.int64)}, {'input_ids': [0]}, ['tokens.weight', 'pos', 'n1.weight']),
    'vae-encoder': (lambda: Encoder(), {'sample': f(1, 3, 16, 16)}, {'sample': [0, 2, 3]}, ['sample', 'down.weight', 'i.bias']),
    'vae-decoder': (lambda: Decoder(), {'latent_sample': f(2, 4, 4, 4)}, {'latent_sample': [0, 2, 3]}, ['latent_sample', 'up.weight']),
    'classic': (lambda: Classic(), {'x': f(2, 3, 32, 32)}, {'x': [0]}, ['x', 't.weight', 'c2.weight', 'fc.weight']),
}
for name in sys.argv[1:] or table:
    net, inputs, dynamic, wrt = table[name]
    build(name, net, inputs, dynamic, wrt)
