"""R36 and R37: elements change places and nothing else."""

import itertools
import unittest

import numpy as np
import qd8_reference as qd8

from bits import BitsTestCase, f32

X = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
DTYPES = ("float32", "float16", "int32", "int64", "int8", "uint8", "bool")


class MovementTest(BitsTestCase):
    """R36."""

    def test_every_dtype_moves(self) -> None:
        """The dtype stays, and so does every element."""
        for name in DTYPES:
            x = (X % 5).astype(name)
            with self.subTest(name):
                self.assert_bits(x.transpose(2, 0, 1), qd8.transpose(x, perm=(2, 0, 1)))
                self.assert_bits(
                    x[1:, :2], qd8.slice(x, begin=(1, 0, 0), size=(-1, 2, -1))
                )
                self.assert_bits(x.reshape(6, 4), qd8.reshape(x, shape=(6, -1)))
                joined = qd8.concatenation([x, x], axis=1)
                self.assert_bits(np.concatenate([x, x], 1), joined)
                padded = qd8.pad(x, paddings=((0, 0), (1, 0), (0, 2)), value=1)
                self.assert_bits(np.ones((2, 1, 6), name), padded[:, :1])
                self.assert_bits(x, padded[:, 1:, :4])
                self.assert_bits(np.stack([x, x], 1), qd8.pack([x, x], axis=1))
                self.assert_bits(x[:, ::-1], qd8.reverse(x, axes=(1,)))

    def test_parts_join_again(self) -> None:
        """SPLIT, SPLIT_V and UNPACK undo CONCATENATION and PACK."""
        parts = qd8.split(X, num=2, axis=-1)
        self.assertEqual([(2, 3, 2)] * 2, [part.shape for part in parts])
        self.assert_bits(X, qd8.concatenation(parts, axis=2))
        parts = qd8.split_v(X, sizes=(1, -1, 0), axis=1)
        self.assertEqual([1, 2, 0], [part.shape[1] for part in parts])
        self.assert_bits(X, qd8.concatenation(parts, axis=1))
        self.assert_bits(X, qd8.pack(qd8.unpack(X, axis=1, num=3), axis=1))

    def test_strided_slice_is_pythons_slice(self) -> None:
        """Every small begin, end and stride of an axis of 4."""
        x = f32(0, 1, 2, 3)
        strides = (-2, -1, 1, 3)
        for begin, end, step in itertools.product(range(-6, 7), range(-6, 7), strides):
            got = qd8.strided_slice(x, begin=(begin,), end=(end,), strides=(step,))
            self.assert_bits(x[begin:end:step], got)

    def test_strided_slice_masks(self) -> None:
        """What each bit does, and which wins."""
        end, ones = (9, 9, 9), (1, 1, 1)

        def cut(begin=(1, 1, 1), end=end, strides=ones, **masks):
            return qd8.strided_slice(X, begin=begin, end=end, strides=strides, **masks)

        self.assert_bits(X[:, 1:, 1:], cut(begin_mask=1))
        self.assert_bits(X[1:, 1:, 1:], cut(end=(0, 9, 9), end_mask=1))
        self.assert_bits(X[1:, 1, 1:], cut(shrink_axis_mask=2))
        self.assert_bits(
            X[..., 1], cut((0, 1), (0, 0), (1, 1), ellipsis_mask=1, shrink_axis_mask=2)
        )
        self.assert_bits(X[1:, None, 1:], cut(new_axis_mask=2))
        # An ellipsis wins over a new axis, and that over shrinking.
        self.assert_bits(X[1:, :, 1:], cut(ellipsis_mask=2, new_axis_mask=2))
        self.assert_bits(X[1:, None, 1:], cut(new_axis_mask=2, shrink_axis_mask=2))
        self.assert_bits(X[1:2, -2:2, 1:3], cut((1, -2, 1), (1, 1, 2), offset=True))

    def test_an_offset_counts_from_where_begin_is(self) -> None:
        """Also where begin counts from the end, and the end is the end."""
        x = f32(0, 1, 2, 3)
        options = {"strides": (1,), "offset": True}
        got = qd8.strided_slice(x, begin=(-2,), end=(2,), **options)
        self.assert_bits(f32(2, 3), got)

    def test_extents(self) -> None:
        """EXPAND_DIMS, SQUEEZE, SHAPE, BROADCAST_TO, TILE and FILL."""
        self.assertEqual((2, 3, 4, 1), qd8.expand_dims(X, axis=-1).shape)
        one = X[:1, :, None, :1]
        self.assertEqual((3,), qd8.squeeze(one).shape)
        self.assertEqual((1, 3, 1), qd8.squeeze(one, axes=(-2,)).shape)
        self.assert_bits(np.array([2, 3, 4]), qd8.shape(X, dtype=np.int64))
        wide = qd8.broadcast_to(X[:, :1], shape=(5, 2, 3, 4))
        self.assert_bits(np.broadcast_to(X[:, :1], (5, 2, 3, 4)), wide)
        self.assert_bits(np.hstack([X, X]), qd8.tile(X, multiples=(1, 2, 1)))
        self.assert_bits(np.full((2, 0), True), qd8.fill(np.bool_(True), shape=(2, 0)))

    def test_range(self) -> None:
        """Sums, not multiples; the last is before the limit, either way."""
        start, limit, step = (np.float32(v) for v in (0, 1, 0.1))
        values = [start]
        for _ in range(9):
            values.append(values[-1] + step)
        self.assert_bits(np.array(values), qd8.range(start, limit, step))
        integers = (np.int64(v) for v in (5, -3, -4))
        self.assert_bits(np.array([5, 1]), qd8.range(*integers))

    def test_space_and_batch(self) -> None:
        """One goes where the rule says, and the other undoes it."""
        x = np.random.default_rng(1).normal(size=(2, 4, 6, 3)).astype(np.float32)
        block, sides = (2, 3), ((0, 0), (0, 0))
        apart = qd8.space_to_batch_nd(x, block_shape=block, paddings=sides)
        self.assertEqual((12, 2, 2, 3), apart.shape)
        for dy, dx, n in np.ndindex(2, 3, 2):
            self.assert_bits(x[n, dy::2, dx::3], apart[(dy * 3 + dx) * 2 + n])
        self.assert_bits(
            x, qd8.batch_to_space_nd(apart, block_shape=block, crops=sides)
        )
        cropped = qd8.batch_to_space_nd(
            apart, block_shape=block, crops=((1, 0), (2, 3))
        )
        self.assert_bits(x[:, 1:, 2:3], cropped)
        padded = np.pad(x[0], ((0, 0), (1, 2), (0, 0)))
        line = qd8.space_to_batch_nd(x[0], block_shape=(3,), paddings=((1, 2),))
        self.assert_bits(np.concatenate([padded[:, i::3] for i in (0, 1, 2)]), line)

    def test_space_and_depth(self) -> None:
        """Channel (dy * block + dx) * C + c is pixel (dy, dx)."""
        x = np.random.default_rng(2).normal(size=(1, 4, 6, 3)).astype(np.float32)
        deep = qd8.space_to_depth(x, block_size=2)
        self.assertEqual((1, 2, 3, 12), deep.shape)
        for dy, dx, c in np.ndindex(2, 2, 3):
            self.assert_bits(x[:, dy::2, dx::2, c], deep[..., (dy * 2 + dx) * 3 + c])
        self.assert_bits(x, qd8.depth_to_space(deep, block_size=2))


class TableTest(BitsTestCase):
    """R37."""

    def test_gather_along_any_axis(self) -> None:
        """np.take, and per batch where axes are common."""
        indices = np.array([[2, 0], [1, 1]], np.int32)
        for axis in (1, 2, -1):
            got = qd8.gather(X, indices, axis=axis)
            self.assert_bits(np.take(X, indices, axis), got)
        got = qd8.gather(X, indices, axis=2, batch_dims=1)
        expected = np.stack([np.take(X[n], indices[n], 1) for n in (0, 1)])
        self.assert_bits(expected, got)

    def test_an_index_outside_selects_nothing(self) -> None:
        """NaN, or 0 where there is no NaN; below zero is outside too."""
        indices = np.array([-1, 3, 2], np.int64)
        got = qd8.gather(X[0], indices)
        self.assert_bits(
            np.array([[np.nan] * 4] * 2 + [[8, 9, 10, 11]], np.float32), got
        )
        got = qd8.gather(X[0].astype(np.int8), indices)
        self.assertEqual([[0] * 4, [0] * 4, [8, 9, 10, 11]], got.tolist())

    def test_int8_tables(self) -> None:
        """Dequantized by R27, each row by its own scale; NaN outside."""
        table = np.array([[-128, 127], [1, 2], [3, -4]], np.int8)
        scale, rows = f32(0.1, 2, 0.3), np.array([2, 0, 9], np.int32)
        got = qd8.embedding_lookup(rows, table, scale=scale)
        expected = (table * scale[:, None])[[2, 0]]
        self.assert_bits(expected, got[:2])
        self.assertTrue(np.isnan(got[2]).all())

    def test_one_hot(self) -> None:
        """The new axis stands where it is asked to."""
        indices = np.array([[0, 2], [-1, 3]], np.int64)
        got = qd8.one_hot(indices, depth=3, on=5, off=-1, dtype=np.int32)
        expected = np.where(indices[..., None] == np.arange(3), 5, -1).astype(np.int32)
        self.assert_bits(expected, got)
        for axis in (0, 1):
            moved = qd8.one_hot(
                indices, depth=3, on=5, off=-1, axis=axis, dtype="int32"
            )
            self.assert_bits(np.moveaxis(expected, -1, axis), moved)


if __name__ == "__main__":
    unittest.main()
