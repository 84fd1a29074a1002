"""The options of an operator, under the names that TFLite's schema gives them."""

import functools
from typing import Any, NamedTuple

import numpy as np

from .enums import enum_name
from .flatbuffer import Tables

# Fields that hold an enum, and which.
ENUMS = {
    "padding": "Padding",
    "fused_activation_function": "ActivationFunctionType",
    "weights_format": "FullyConnectedOptionsWeightsFormat",
    "mode": "MirrorPadMode",
    "type": "LSHProjectionType",
    "combiner": "CombinerType",
    "kernel_type": "LSTMKernelType",
    "in_data_type": "TensorType",
    "out_data_type": "TensorType",
    "out_type": "TensorType",
    "output_type": "TensorType",
    "idx_out_type": "TensorType",
    "quantized_bias_type": "TensorType",
}

# The fields of each options table by slot: name, NumPy's name of its type, default if
# it is not 0; [type] is a vector, - a field that nothing reads any more. Tables that
# are missing here have none.
# Source: tensorflow/lite/schema/schema.fbs of TensorFlow 2.18, union BuiltinOptions;
# tests/tflite/test_schema.py compares with the package ``tflite``.
_FIELDS = {
    "Conv2DOptions": (
        "padding:i1 stride_w:i4 stride_h:i4 fused_activation_function:i1 "
        "dilation_w_factor:i4=1 dilation_h_factor:i4=1 quantized_bias_type:i1"
    ),
    "DepthwiseConv2DOptions": (
        "padding:i1 stride_w:i4 stride_h:i4 depth_multiplier:i4 "
        "fused_activation_function:i1 dilation_w_factor:i4=1 dilation_h_factor:i4=1"
    ),
    "ConcatEmbeddingsOptions": (
        "num_channels:i4 num_columns_per_channel:[i4] embedding_dim_per_channel:[i4]"
    ),
    "LSHProjectionOptions": "type:i1",
    "Pool2DOptions": (
        "padding:i1 stride_w:i4 stride_h:i4 filter_width:i4 filter_height:i4 "
        "fused_activation_function:i1"
    ),
    "SVDFOptions": "rank:i4 fused_activation_function:i1 asymmetric_quantize_inputs:b1",
    "RNNOptions": "fused_activation_function:i1 asymmetric_quantize_inputs:b1",
    "FullyConnectedOptions": (
        "fused_activation_function:i1 weights_format:i1 keep_num_dims:b1 "
        "asymmetric_quantize_inputs:b1 quantized_bias_type:i1"
    ),
    "SoftmaxOptions": "beta:f4",
    "ConcatenationOptions": "axis:i4 fused_activation_function:i1",
    "AddOptions": "fused_activation_function:i1 pot_scale_int16:b1=1",
    "L2NormOptions": "fused_activation_function:i1",
    "LocalResponseNormalizationOptions": "radius:i4 bias:f4 alpha:f4 beta:f4",
    "LSTMOptions": (
        "fused_activation_function:i1 cell_clip:f4 proj_clip:f4 kernel_type:i1 "
        "asymmetric_quantize_inputs:b1"
    ),
    "ResizeBilinearOptions": "- - align_corners:b1 half_pixel_centers:b1",
    "CallOptions": "subgraph:u4",
    "ReshapeOptions": "new_shape:[i4]",
    "SkipGramOptions": "ngram_size:i4 max_skip_size:i4 include_all_ngrams:b1",
    "SpaceToDepthOptions": "block_size:i4",
    "EmbeddingLookupSparseOptions": "combiner:i1",
    "MulOptions": "fused_activation_function:i1",
    "GatherOptions": "axis:i4 batch_dims:i4",
    "ReducerOptions": "keep_dims:b1",
    "SubOptions": "fused_activation_function:i1 pot_scale_int16:b1=1",
    "DivOptions": "fused_activation_function:i1",
    "SqueezeOptions": "squeeze_dims:[i4]",
    "SequenceRNNOptions": (
        "time_major:b1 fused_activation_function:i1 asymmetric_quantize_inputs:b1"
    ),
    "StridedSliceOptions": (
        "begin_mask:i4 end_mask:i4 ellipsis_mask:i4 new_axis_mask:i4 "
        "shrink_axis_mask:i4 offset:b1"
    ),
    "SplitOptions": "num_splits:i4",
    "CastOptions": "in_data_type:i1 out_data_type:i1",
    "ArgMaxOptions": "output_type:i1",
    "TransposeConvOptions": (
        "padding:i1 stride_w:i4 stride_h:i4 fused_activation_function:i1 "
        "quantized_bias_type:i1"
    ),
    "SparseToDenseOptions": "validate_indices:b1",
    "ShapeOptions": "out_type:i1",
    "ArgMinOptions": "output_type:i1",
    "FakeQuantOptions": "min:f4 max:f4 num_bits:i4 narrow_range:b1",
    "PackOptions": "values_count:i4 axis:i4",
    "OneHotOptions": "axis:i4",
    "UnpackOptions": "num:i4 axis:i4",
    "BidirectionalSequenceLSTMOptions": (
        "fused_activation_function:i1 cell_clip:f4 proj_clip:f4 merge_outputs:b1 "
        "time_major:b1=1 asymmetric_quantize_inputs:b1"
    ),
    "BidirectionalSequenceRNNOptions": (
        "time_major:b1 fused_activation_function:i1 merge_outputs:b1 "
        "asymmetric_quantize_inputs:b1"
    ),
    "UnidirectionalSequenceLSTMOptions": (
        "fused_activation_function:i1 cell_clip:f4 proj_clip:f4 time_major:b1 "
        "asymmetric_quantize_inputs:b1 diagonal_recurrent_tensors:b1"
    ),
    "ResizeNearestNeighborOptions": "align_corners:b1 half_pixel_centers:b1",
    "LeakyReluOptions": "alpha:f4",
    "MirrorPadOptions": "mode:i1",
    "SplitVOptions": "num_splits:i4",
    "UniqueOptions": "idx_out_type:i1=2",
    "ReverseSequenceOptions": "seq_dim:i4 batch_dim:i4",
    "IfOptions": "then_subgraph_index:i4 else_subgraph_index:i4",
    "WhileOptions": "cond_subgraph_index:i4 body_subgraph_index:i4",
    "DepthToSpaceOptions": "block_size:i4",
    "BatchMatMulOptions": "adj_x:b1 adj_y:b1 asymmetric_quantize_inputs:b1",
    "CumsumOptions": "exclusive:b1 reverse:b1",
    "CallOnceOptions": "init_subgraph_index:i4",
    "Conv3DOptions": (
        "padding:i1 stride_d:i4 stride_w:i4 stride_h:i4 fused_activation_function:i1 "
        "dilation_d_factor:i4=1 dilation_w_factor:i4=1 dilation_h_factor:i4=1"
    ),
    "HashtableOptions": "table_id:i4 key_dtype:i1 value_dtype:i1",
    "VarHandleOptions": "container:str shared_name:str",
    "RandomOptions": "seed:i8 seed2:i8",
    "BucketizeOptions": "boundaries:[f4]",
    "GeluOptions": "approximate:b1",
}


def read_options(
    operators: Tables, kinds: list[int], slot: int
) -> dict[int, dict[str, Any]]:
    """Read a BuiltinOptions union of each operator.

    Parameters
    ----------
    operators : Tables
    kinds : list of int
        The union's type of each, a value of ``BuiltinOptions``.
    slot : int
        Where the union's table is.

    Returns
    -------
    {operator: dict}
        Every field of its options table, by the field's name in schema.fbs: numbers
        and booleans as they are, enums by name, vectors as tuples. An operator that
        has no options, or ones that this version does not know, is left out: the
        schema says that every field has its default then.
    """
    options: dict[int, dict[str, Any]] = {}
    for kind in sorted(set(kinds)):
        name = enum_name("BuiltinOptions", kind)
        if name is None or name not in _FIELDS:
            continue
        found, tables = operators.children(
            slot,
            lambda i, name=name: f"{operators.what(i)}, {name}",  # type: ignore[misc]
            [i for i, each in enumerate(kinds) if each == kind],
        )
        columns = [(field.name, _read(tables, field)) for field in table_fields(name)]
        for k, i in enumerate(found):
            options[i] = {name: column[k] for name, column in columns}
    return options


class Field(NamedTuple):
    """A field of an options table; ``dtype`` is that of its elements, or "str"."""

    name: str
    slot: int
    dtype: str
    is_vector: bool
    default: Any


@functools.cache
def table_fields(name: str) -> tuple[Field, ...]:
    """Return the fields of an options table."""
    fields = []
    for slot, said in enumerate(_FIELDS.get(name, "").split()):
        field, _, kind = said.partition(":")
        kind, _, default = kind.partition("=")
        if not kind:
            continue
        dtype = kind.strip("[]")
        value = None if dtype == "str" else np.dtype(dtype).type(default or 0).item()
        fields.append(Field(field, slot, dtype, kind != dtype, value))
    return tuple(fields)


def _read(tables: Tables, field: Field) -> list[Any]:
    """Read one field of all tables of a kind."""
    if field.dtype == "str":
        return [text or None for text in tables.strings(field.slot)]
    if field.is_vector:
        arrays = tables.arrays(field.slot, f"<{field.dtype}")
        # As tuples of Python's numbers they take more than they did in the file.
        sizes = np.array([4 * each.nbytes for each in arrays], np.int64)
        tables.source.charge(sizes, tables.what)
        return [tuple(each.tolist()) for each in arrays]
    values = tables.numbers(field.slot, f"<{field.dtype}", field.default)
    enum = ENUMS.get(field.name)
    return [enum_name(enum, value) or value for value in values] if enum else values
