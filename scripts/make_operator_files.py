"""Write tests/data/converter/*.tflite: small files by TensorFlow's own converter.

    TF_USE_LEGACY_KERAS=1 python scripts/make_operator_files.py

Run with tensorflow-cpu 2.21.0, the only place beside train_digits.py that needs it.
Each file holds a family of operators as the converter writes them; "drq" files have
their larger weights in int8. Seeded: the same version writes the same bytes.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "converter"
rng = np.random.default_rng(0)


def weights(*shape: int) -> tf.Tensor:
    drawn = rng.normal(size=shape) / np.sqrt(shape[0])
    return tf.constant(drawn.astype(np.float32))


DENSE, TABLE = weights(32, 40), weights(30, 40)
UP, DOWN = weights(3, 3, 8, 16), weights(3, 3, 16, 8)


def unary(x):
    y = tf.tanh(x) + tf.exp(-tf.abs(x)) * tf.sqrt(tf.abs(x) + 1.0)
    y = y + tf.math.rsqrt(tf.square(x) + 1.0) - tf.nn.elu(x)
    return y + tf.nn.gelu(x, approximate=True) + tf.nn.leaky_relu(x, 0.25)


def binary(x):
    a, b = tf.split(x, 2, axis=1)
    y = tf.maximum(a, b) / (tf.minimum(a, b) + 4.0)
    y = y + tf.math.squared_difference(a, b)
    return tf.where(tf.logical_and(a > b, a < 1.0), y, tf.zeros_like(y))


def movement(x):
    y = tf.transpose(tf.reshape(x, (4, 8, 8)), (1, 0, 2))
    y = tf.concat([y[1:7:2, :, ::-1], tf.pad(y[:2], [[0, 1], [0, 0], [0, 0]])], 1)
    y = tf.stack(tf.unstack(y, axis=0)[::-1], axis=2)
    return tf.tile(tf.expand_dims(y, 0), (1, 1, 2, 1))


def reductions(x):
    y = tf.reshape(x, (4, 8, 8))
    sums = tf.reduce_sum(y, (0, 2)) + tf.reduce_max(y, (0, 2))
    sums = sums + tf.reduce_mean(y, (0, 2))
    best = tf.cast(tf.argmax(y, axis=2, output_type=tf.int32), tf.float32)
    return sums + tf.reduce_sum(best, 0) + tf.cumsum(y, 1)[0, :, 0]


def attention(x):
    y = tf.reshape(x, (2, 4, 32)) @ DENSE
    scores = tf.nn.softmax(tf.matmul(y, y, transpose_b=True) * 0.2)
    return tf.matmul(scores, y) + tf.gather(TABLE, [3, 1, 4, 1])


def images(x):
    y = tf.nn.conv2d(tf.reshape(x, (1, 4, 8, 8)), UP, 1, "SAME", dilations=2)
    y = tf.image.resize(tf.nn.relu6(y), (7, 15), "bilinear")
    y = tf.nn.conv2d(tf.nn.max_pool2d(y, 2, 2, "SAME"), DOWN, 2, "SAME")
    y = tf.image.resize(y, (4, 8), "nearest")
    return tf.nn.depth_to_space(y * tf.nn.relu6(y + 3.0) / 6.0, 2)


def write(name: str, function: Callable, *, quantize: bool) -> None:
    concrete = tf.function(function).get_concrete_function(
        tf.TensorSpec((8, 32), tf.float32, name="x")
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path = FOLDER / f"{name}.tflite"
    partial = path.with_suffix(".partial")
    partial.write_bytes(converter.convert())
    partial.replace(path)
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for function in (unary, binary, movement, reductions, attention, images):
        write(f"{function.__name__}_fp32", function, quantize=False)
    for function in (attention, images):
        write(f"{function.__name__}_drq", function, quantize=True)
