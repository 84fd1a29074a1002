"""A transformer encoder of MobileBERT's shape: nearly all of it is fully connected.

Source: Sun et al., "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited
Devices", ACL 2020, table 1; layers as in google-research/mobilebert/modeling.py.
"""

import numpy as np

from qd8.tflite import File, Tensor

from .attention import ATTENTION_POWER, AttentionNet
from .net import channels

HEADS = 4
FEED_FORWARDS = 4  # stacked in each layer, of which the last is BERT's own
TYPES = 2  # of tokens: question and text
MASKED = np.float32(-10000)  # added to the scores of tokens that are not there


def mobilebert(
    *,
    width: float = 1.0,
    batch: int = 1,
    tokens: int = 384,
    layers: int = 24,
    vocabulary: int = 30522,
    seed: int | None = 0,
    weights: str = "float32",
) -> File:
    """Build the encoder: ids, mask and types to hidden states.

    Returns
    -------
    File
        ids, mask, types (batch, tokens) int32 to hidden (batch, tokens, 512 * width).
    """
    net = MobileBert(
        f"MobileBERT {width:g} {batch}x{tokens}",
        channels(512, width),
        channels(128, width),
        seed=seed,
        weights=weights,
    )
    shape = (batch, tokens)
    ids = net.input("ids", shape, "INT32")
    mask = net.input("mask", shape, "INT32")
    types = net.input("types", shape, "INT32")
    with net.scope("embeddings"):
        x = net.embeddings(ids, types, vocabulary)
        penalty = net.penalty(mask)
    for number in range(layers):
        with net.scope(f"layer_{number}"):
            x = net.layer(x, penalty)
    return net.finish({"hidden": x})


class MobileBert(AttentionNet):
    """The encoder's layers.

    hidden : channels between the layers
    inner : channels inside a layer, behind its bottleneck, and of the word table
    """

    def __init__(
        self,
        description: str,
        hidden: int,
        inner: int,
        *,
        seed: int | None,
        weights: str,
    ) -> None:
        super().__init__(description, seed=seed, weights=weights)
        self.hidden = hidden
        self.inner = inner

    def embeddings(self, ids: Tensor, types: Tensor, vocabulary: int) -> Tensor:
        """Embed each word beside its neighbours, its place and its type."""
        batch, tokens = ids.shape
        table = self.table(vocabulary, self.inner)
        flat = self.reshape(ids, (-1,), "INT32")
        words = self.operator(
            "EMBEDDING_LOOKUP", (flat, table), (batch * tokens, self.inner)
        )
        words = self.reshape(words, (batch, tokens, self.inner))
        x = self.concatenate((self.shifted(words, -1), words, self.shifted(words, 1)))
        x = self.dense(x, self.hidden)
        x = self.add(x, self.vector((tokens, self.hidden)))
        kinds = self.vector((TYPES, self.hidden))
        shape = (batch, tokens, self.hidden)
        kind = self.operator("GATHER", (kinds, types), shape, axis=0, batch_dims=0)
        return self.no_norm(self.add(x, kind))

    def table(self, rows: int, depth: int) -> Tensor:
        """Draw a table of embeddings; in int8 it has one scale."""
        return self.weight((rows, depth), deviation=1.0, axis=None)

    def shifted(self, x: Tensor, by: int) -> Tensor:
        """Move the tokens of (B, T, C) by one place, 1 or -1, zeros behind them."""
        batch, tokens, depth = x.shape
        shape = (batch, tokens - 1, depth)
        # In a mask bit i says that axis i is taken whole from, or to, its end.
        if by > 0:  # x[:, :-1]
            x = self.strided_slice(
                x, (0, 0, 0), (0, -1, 0), shape, begin_mask=7, end_mask=5
            )
            return self.pad(x, ((0, 0), (1, 0), (0, 0)))
        x = self.strided_slice(x, (0, 1, 0), (0, 0, 0), shape, begin_mask=5, end_mask=7)
        return self.pad(x, ((0, 0), (0, 1), (0, 0)))

    def penalty(self, mask: Tensor) -> Tensor:
        """Turn a mask of ones and zeros into (B, 1, 1, T) to add to scores."""
        batch, tokens = mask.shape
        found = self.operator(
            "CAST", (mask,), mask.shape, in_data_type="INT32", out_data_type="FLOAT32"
        )
        found = self.reshape(found, (batch, 1, 1, tokens))
        found = self.sub(self.constant(np.float32(1)), found)
        return self.mul(found, self.constant(MASKED))

    def layer(self, x: Tensor, penalty: Tensor) -> Tensor:
        """Append one layer: bottleneck, attention, feed-forward, and back."""
        inner = self.no_norm(self.dense(x, self.inner))
        shared = self.no_norm(self.dense(x, self.inner))
        query, key = self.dense(shared, self.inner), self.dense(shared, self.inner)
        value = self.dense(x, self.inner)
        found = self.dense(self.attention(query, key, value, penalty), self.inner)
        inner = self.no_norm(self.add(found, inner))
        for _ in range(FEED_FORWARDS):
            found = self.dense(inner, self.hidden, activation="RELU")
            inner = self.no_norm(self.add(self.dense(found, self.inner), inner))
        return self.no_norm(self.add(self.dense(inner, self.hidden), x))

    def attention(
        self, query: Tensor, key: Tensor, value: Tensor, penalty: Tensor
    ) -> Tensor:
        """Append attention over (B, heads, T, D), (B, T, C) to the same."""
        batch, tokens, depth = query.shape
        query, key, value = map(self.heads, (query, key, value))
        scale = self.constant(np.float32((depth // HEADS) ** -0.5))
        scores = self.mul(self.matmul(query, key, adj_y=True), scale)
        out = self.matmul(self.softmax(self.add(scores, penalty)), value)
        self.power[out.index] = ATTENTION_POWER * self.power[value.index]
        return self.reshape(self.transpose(out, (0, 2, 1, 3)), (batch, tokens, depth))

    def heads(self, x: Tensor) -> Tensor:
        """Turn (B, T, C) into (B, heads, T, C / heads)."""
        batch, tokens, depth = x.shape
        x = self.reshape(x, (batch, tokens, HEADS, depth // HEADS))
        return self.transpose(x, (0, 2, 1, 3))

    def no_norm(self, x: Tensor) -> Tensor:
        """Scale and shift channels: what MobileBERT has in place of a layer norm."""
        depth = x.shape[-1]
        return self.add(
            self.mul(x, self.vector((depth,), mean=1.0)), self.vector((depth,))
        )
