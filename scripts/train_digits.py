"""Train the digits classifier that ships with qd8, and convert it to .tflite.

A small EfficientNetV2-style network learns the 8x8 handwritten digits of
scikit-learn, and TensorFlow's converter writes it twice from the same weights:
in float32, and with dynamic-range quantization (int8 weights, float32
activations), which is what qd8 runs. The files land in qd8/data/digits/, beside
the images and the split. This script alone needs TensorFlow; nothing else in the
repository does. It was run with Python 3.11 and, in an environment of its own,

    pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0 \\
        scikit-learn==1.9.1 ai-edge-litert==2.3.0
    python scripts/train_digits.py --validate   # compare settings, write nothing
    python scripts/train_digits.py              # train, convert, evaluate, replace

``--validate`` trains three times on the training images less a random fifth, and
judges by that fifth. So were EPOCHS and NOISE chosen: 4 errors in 864, against 7
with 40 epochs and 5 with twice the noise; the other settings are first guesses.
The held-out images serve only the accuracies printed at the very end.
"""

import argparse
import hashlib
import io
import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # must precede the import of TensorFlow

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras = tf.keras
layers = keras.layers

OUT = Path(__file__).parents[1] / "qd8" / "data" / "digits"
SEED = 0
SPLIT_SEED = 1998  # the year of the data set; fixed before anything was trained
BATCH = 32
EPOCHS = 60
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
MOMENTUM = 0.95  # of the batch statistics: an epoch has but 44 steps
NOISE = 0.05  # standard deviation; the ink of a pixel is in [0, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--validate", action="store_true", help="write nothing")
    args = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    training, held_out = split(np.arange(len(labels)), labels, SPLIT_SEED)
    if args.validate:
        validate(images, labels, training)
        return

    model = train(images[training], labels[training])
    mask = np.zeros(len(labels), bool)
    mask[held_out] = True
    archive = io.BytesIO()
    np.savez_compressed(archive, images=images, labels=labels, held_out=mask)
    write(OUT / "digits.npz", archive.getvalue())
    for kind in ("fp32", "drq"):
        path = OUT / f"digits_{kind}.tflite"
        write(path, convert(model, quantized=kind == "drq"))
        report(path.name, run(path, preprocess(images[mask])), labels[mask])


def validate(images, labels, training):
    """Print the accuracy on three random fifths of the training images."""
    for number in (1, 2, 3):
        taught, judged = split(training, labels[training], SPLIT_SEED + number)
        model = train(images[taught], labels[taught])
        logits = model.predict(preprocess(images[judged]), verbose=0)
        report(f"validation {number}", logits, labels[judged])


def split(indices, labels, seed):
    """Split off a fifth of the indices, with every digit in its proportion."""
    return train_test_split(indices, test_size=0.2, random_state=seed, stratify=labels)


def preprocess(images):
    """Return the model's input (N, 8, 8, 1) float32: ink in [0, 1], exactly.

    Background is 0.0, as is the padding of the convolutions.
    """
    return images.astype(np.float32)[..., np.newaxis] / np.float32(16)


def build():
    """Return the network: (N, 8, 8, 1) float32 -> (N, 10) logits.

    Widths are such that all weights but the stem's reach the 1024 elements from
    which the converter quantizes a constant.
    """
    image = keras.Input((8, 8, 1), name="image")
    x = conv(image, 24, 3)
    x = fused_mbconv(x, 24)
    x = fused_mbconv(x, 40, stride=2)
    x = fused_mbconv(x, 40)
    x = mbconv(x, 56)
    x = mbconv(x, 56)
    x = mbconv(x, 56, stride=2)
    x = conv(x, 128, 1)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(image, layers.Dense(10)(x), name="logits")


def fused_mbconv(x, channels, stride=1, expansion=4):
    """Expand by a 3x3 convolution, project by a 1x1; residual where shapes allow."""
    y = conv(x, expansion * x.shape[-1], 3, stride)
    y = conv(y, channels, 1, activation=None)
    return layers.Add()([x, y]) if x.shape == y.shape else y


def mbconv(x, channels, stride=1, expansion=4):
    """Expand by 1x1, filter each channel by 3x3, excite, project by 1x1."""
    y = conv(x, expansion * x.shape[-1], 1)
    y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
    y = layers.Activation("swish")(layers.BatchNormalization(momentum=MOMENTUM)(y))
    y = squeeze_excite(y, x.shape[-1] // 4)
    y = conv(y, channels, 1, activation=None)
    return layers.Add()([x, y]) if x.shape == y.shape else y


def squeeze_excite(x, squeezed):
    """Scale each channel by a gate in (0, 1) computed from all channels' means."""
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(squeezed, 1, activation="swish")(gate)
    gate = layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(gate)
    return layers.Multiply()([x, gate])


def conv(x, channels, size, stride=1, activation="swish"):
    """Convolve without bias, normalize; the converter folds the two into one."""
    y = layers.Conv2D(channels, size, stride, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(momentum=MOMENTUM)(y)
    return layers.Activation(activation)(y) if activation else y


def train(images, labels):
    """Fit by AdamW, cosine decay and label smoothing on shifted, noisy images."""

    def augment(image, target):
        padded = tf.pad(image, [[1, 1], [1, 1], [0, 0]])
        shifted = tf.image.random_crop(padded, (8, 8, 1))
        return shifted + tf.random.normal((8, 8, 1), stddev=NOISE), target

    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    model = build()
    pairs = preprocess(images), tf.one_hot(labels, 10)
    data = tf.data.Dataset.from_tensor_slices(pairs).shuffle(len(images))
    data = data.map(augment).batch(BATCH, drop_remainder=True)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=LEARNING_RATE, warmup_steps=steps // 20
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(True, label_smoothing=0.1),
        metrics=["accuracy"],
    )
    model.fit(data, epochs=EPOCHS, verbose=2)
    return model


def convert(model, quantized):
    """Return the model as the bytes of a .tflite file with a batch of 1."""
    image = keras.Input((8, 8, 1), batch_size=1, name="image")
    converter = tf.lite.TFLiteConverter.from_keras_model(
        keras.Model(image, model(image, training=False))
    )
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def run(path, x):
    """Return LiteRT's logits (N, 10), one image at a time."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    logits = []
    for image in x:
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(target)[0])
    return np.array(logits)


def report(name, logits, labels):
    """Print how many images have their largest logit at their label."""
    right = int(np.sum(logits.argmax(axis=1) == labels))
    print(f"{name}: {right} of {len(labels)} right, {right / len(labels):.2%}")


def write(path, content):
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{path.name}: {len(content)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
