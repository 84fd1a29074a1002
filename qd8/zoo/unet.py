"""The UNet of Stable Diffusion 1.x.

Source: Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
CVPR 2022; layers as in CompVis/stable-diffusion, configs/v1-inference.yaml.
"""

from qd8.tflite import File, Tensor

from .attention import GROUPS, AttentionNet

HEADS = 8
TOKENS, CONTEXT = 77, 768  # of the text encoder, CLIP ViT-L/14
TIMESTEP = 320  # channels of the sinusoidal embedding of the time step
# Multiples of the width, block by block, in the order in which they run.
DOWN = (1, 1, 2, 2, 4, 4, 4, 4)
MIDDLE = (4, 4)
UP = (4, 4, 4, 4, 4, 4, 2, 2, 2, 1, 1, 1)
RES_BLOCKS = DOWN + MIDDLE + UP
TRANSFORMERS = (1, 1, 2, 2, 4, 4, 4, 4, 4, 4, 2, 2, 2, 1, 1, 1)


def sd_unet(
    *,
    width: float = 1.0,
    resolution: int = 64,
    seed: int | None = 0,
    weights: str = "float32",
) -> File:
    """Build the UNet: latent, timestep_embedding, context to noise.

    Parameters
    ----------
    width : float
        320 * width channels, a multiple of 32, at the full resolution. At 1.0 it has
        860 million parameters: 0.87 GB in int8, 3.4 GB in float32.
    resolution : int
        Of the latent, a multiple of 8: an eighth of the image's.

    Returns
    -------
    File
        latent (1, resolution, resolution, 4), timestep_embedding (1, 320) and context
        (1, 77, 768) to noise (1, resolution, resolution, 4).
    """
    depth = round(320 * width)
    if depth % GROUPS or depth < GROUPS:
        raise ValueError(f"320 * {width} channels are no multiple of {GROUPS}")
    if resolution % 8 or resolution < 8:
        raise ValueError(f"resolution is {resolution}; it must be a multiple of 8")
    net = Unet(f"SD1.x UNet {width:g}", depth, resolution, seed=seed, weights=weights)
    return net.finish({"noise": net.build()})


class Unet(AttentionNet):
    """The UNet's blocks; each knows from a counter which one it is."""

    def __init__(
        self,
        description: str,
        depth: int,
        resolution: int,
        *,
        seed: int | None,
        weights: str,
    ) -> None:
        super().__init__(description, seed=seed, weights=weights)
        self.depth = depth
        self.latent = self.input("latent", (1, resolution, resolution, 4), power=1.0)
        self.timestep = self.input("timestep_embedding", (1, TIMESTEP), power=0.5)
        self.context = self.input("context", (1, TOKENS, CONTEXT), power=1.0)
        self.res_blocks = 0
        self.transformers = 0
        self.shifts: dict[int, Tensor] = {}
        self.texts: dict[int, tuple[Tensor, Tensor]] = {}
        self.time: Tensor | None = None

    def build(self) -> Tensor:
        """Append everything and return the noise."""
        x = self.conv(self.latent, self.depth, 3)
        skipped = [x]
        for level in range(4):
            for _ in range(2):
                x = self.res_block(x)
                if level < 3:
                    x = self.spatial_transformer(x)
                skipped.append(x)
            if level < 3:
                x = self.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
                x = self.conv(x, x.shape[3], 3, stride=2, padding="VALID")
                skipped.append(x)
        x = self.res_block(x)
        x = self.spatial_transformer(x)
        x = self.res_block(x)
        for level in range(4):
            for _ in range(3):
                x = self.res_block(self.concatenate((x, skipped.pop())))
                if level > 0:
                    x = self.spatial_transformer(x)
            if level < 3:
                with self.scope(f"upsample_{level}"):
                    size = (2 * x.shape[1], 2 * x.shape[2])
                    x = self.resize(
                        "RESIZE_NEAREST_NEIGHBOR", x, size, half_pixel_centers=True
                    )
                    x = self.conv(x, x.shape[3], 3)
        x = self.swish(self.group_norm(x))
        return self.conv(x, 4, 3)

    def res_block(self, x: Tensor) -> Tensor:
        """Append two convolutions, a shift by the time step, and a shortcut."""
        number, self.res_blocks = self.res_blocks, self.res_blocks + 1
        depth = self.depth * RES_BLOCKS[number]
        # The converter puts the convolution of a shortcut behind the first of the block
        # on the way down, behind the second on the way up.
        down = number < len(DOWN)
        with self.scope(f"res_block_{number}"):
            out = self.conv(self.swish(self.group_norm(x)), depth, 3)
            shortcut = self.shortcut(x, depth) if down else x
        shift = self.shift(number)
        with self.scope(f"res_block_{number}"):
            out = self.swish(self.group_norm(self.add(out, shift)))
            out = self.conv(out, depth, 3)
            shortcut = shortcut if down else self.shortcut(x, depth)
            return self.add(out, shortcut)

    def shortcut(self, x: Tensor, depth: int) -> Tensor:
        """Return ``x`` with ``depth`` channels."""
        return x if x.shape[3] == depth else self.conv(x, depth, padding="VALID")

    def shift(self, number: int) -> Tensor:
        """Return what the time step adds to each channel of a block.

        The converter sorts what depends on no other layer by name, as text: the shifts
        of blocks 10 to 19 come before that of block 2.
        """
        if self.time is None:
            self.texts = {i: self.text(i) for i in _by_name(len(TRANSFORMERS))}
            with self.scope("time"):
                hidden = 4 * self.depth
                time = self.swish(self.dense(self.timestep, hidden))
                self.time = self.swish(self.dense(time, hidden))
        for other in _by_name(len(RES_BLOCKS)):
            if other not in self.shifts:
                self.shifts[other] = self._shift(self.time, other)
            if other == number:
                break
        return self.shifts[number]

    def _shift(self, time: Tensor, number: int) -> Tensor:
        depth = self.depth * RES_BLOCKS[number]
        with self.scope(f"res_block_{number}/time"):
            x = self.reshape(self.dense(time, depth), (1, 1, 1, depth))
            end = (0, 0, 0, depth)
            return self.strided_slice(
                x, (0, 0, 0, 0), end, x.shape, begin_mask=15, end_mask=15
            )

    def text(self, number: int) -> tuple[Tensor, Tensor]:
        """Return keys (heads, D, 77) and values (heads, 77, D) of the context."""
        depth = self.depth * TRANSFORMERS[number]
        with self.scope(f"spatial_transformer_{number}/context"):
            key = self.split_heads(self.dense(self.context, depth, bias=False), HEADS)
            value = self.split_heads(self.dense(self.context, depth, bias=False), HEADS)
            key = self.heads_first(key, transposed=True)
            return key, self.heads_first(value)

    def spatial_transformer(self, image: Tensor) -> Tensor:
        """Append attention to pixels, attention to the context, and a gated layer."""
        number, self.transformers = self.transformers, self.transformers + 1
        _, h, w, depth = image.shape
        with self.scope(f"spatial_transformer_{number}"):
            x = self.conv(self.group_norm(image), depth, padding="VALID")
            x = self.reshape(x, (-1, h * w, depth))
            x = self.add(self.self_attention(self.layer_norm(x)), x)
            x = self.add(self.cross_attention(self.layer_norm(x), number), x)
            gated = self.gated_gelu(self.dense(self.layer_norm(x), 8 * depth))
            x = self.add(self.dense(gated, depth), x)
            x = self.reshape(x, (-1, h, w, depth))
            return self.add(self.conv(x, depth, padding="VALID"), image)

    def self_attention(self, x: Tensor) -> Tensor:
        """Append attention of tokens to each other, (1, T, C) to (T, C)."""
        query = self.heads_first(self.projected(x))
        key = self.heads_first(self.projected(x), transposed=True)
        weights = self.attend(query, key)
        value = self.heads_first(self.projected(x))
        return self.dense(self.merge_heads(weights, value), x.shape[2])

    def cross_attention(self, x: Tensor, number: int) -> Tensor:
        """Append attention of tokens to the context, (1, T, C) to (T, C)."""
        key, value = self.texts[number]
        weights = self.attend(self.heads_first(self.projected(x)), key)
        return self.dense(self.merge_heads(weights, value), x.shape[2])

    def projected(self, x: Tensor) -> Tensor:
        """Append a layer without bias, its channels split into heads."""
        return self.split_heads(self.dense(x, x.shape[2], bias=False), HEADS)


def _by_name(count: int) -> list[int]:
    """Sort 0, 1, 2, ... as the converter sorts x, x_1, x_2, ...: as text."""
    return sorted(range(count), key=lambda i: str(i) if i else "")
