"""Hand the State to compiled code by reference.

Passed by value, a tuple of forty arrays costs three hundred machine words at every call: the calls then take longer than the work, and the
compiler spends its time on them. Here compiled code receives one pointer, to a table of (address, extents) of each array, and reads
from it what it uses.
The table does not change while compiled code runs, which the loads say (`invariant.load`), so the optimiser may keep what it has read.
Plain Python sees the same object with the same attributes. See docs/decisions/state-by-reference.md.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import NativeValue, models, register_model, typeof_impl, unbox
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.np import arrayobj


class ByReference:
    """An object whose attributes are C-contiguous arrays, passed to compiled code as one pointer.

    `fields` names the attributes. `replace` gives an object with other arrays under some of the names (the types stay).
    """

    fields: tuple[str, ...] = ()
    numba_type: Any = None

    def __init__(self, **arrays: Any) -> None:
        words: list[int] = []
        for name in self.fields:
            array = arrays.pop(name)
            assert array.flags.c_contiguous
            setattr(self, name, array)
            words += [array.ctypes.data, *array.shape]
        assert not arrays, f"unknown: {sorted(arrays)}"
        self.table = np.array(words, np.int64)
        self.address = int(self.table.ctypes.data)

    def replace(self, **arrays: Any) -> Any:
        """The same object with other arrays of the same types under the names given."""
        same = {name: getattr(self, name) for name in self.fields if name not in arrays}
        other = type(self)(**same, **arrays)
        other.numba_type = self.numba_type
        return other


class ReferenceType(types.Type):
    """The Numba type of a ByReference object: the array types of its fields, and where each stands in the table."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        place = 0
        places = []
        for _, array_type in fields:
            places.append(place)
            place += 1 + array_type.ndim
        self.places = tuple(places)
        digest = hashlib.sha256("|".join(f"{n}:{t}" for n, t in fields).encode()).hexdigest()[:12]
        super().__init__(name=f"{name}_{digest}")

    def find(self, attribute: str) -> tuple[Any, int]:
        """(array type, place in the table) of a field."""
        for (name, array_type), place in zip(self.fields, self.places, strict=True):
            if name == attribute:
                return array_type, place
        raise AttributeError(attribute)


@typeof_impl.register(ByReference)
def _typeof(value: ByReference, _context: Any) -> ReferenceType:
    if value.numba_type is None:
        shapes = ((name, getattr(value, name)) for name in value.fields)
        value.numba_type = _type_of(type(value).__name__, tuple((name, array.dtype, array.ndim) for name, array in shapes))
    known: ReferenceType = value.numba_type
    return known


@lru_cache(maxsize=16)
def _type_of(name: str, fields: tuple[tuple[str, Any, int], ...]) -> ReferenceType:
    """The type of arrays of these dtypes and dimensions; numba takes milliseconds to find out, and a short run is no longer than that."""
    return ReferenceType(name, tuple((field, numba.typeof(np.zeros((1,) * ndim, dtype))) for field, dtype, ndim in fields))


@register_model(ReferenceType)
class _Model(models.PrimitiveModel):  # type: ignore[misc]  # numba's classes are untyped here
    def __init__(self, manager: Any, kind: ReferenceType) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@unbox(ReferenceType)
def _unbox(_kind: ReferenceType, value: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(value, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    pointer = c.builder.inttoptr(address, ir.IntType(64).as_pointer())
    return NativeValue(pointer, is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]  # likewise
    key = ReferenceType

    def generic_resolve(self, kind: ReferenceType, attribute: str) -> Any:
        """The array type of a field."""
        return kind.find(attribute)[0]


@lower_getattr_generic(ReferenceType)
def _read(context: Any, builder: Any, kind: ReferenceType, value: Any, attribute: str) -> Any:
    array_type, place = kind.find(attribute)
    word = ir.IntType(64)

    def load(at: int) -> Any:
        found = builder.load(builder.gep(value, [ir.Constant(ir.IntType(32), at)]))
        found.set_metadata("invariant.load", builder.module.add_metadata([]))
        return found

    extents = [load(place + 1 + axis) for axis in range(array_type.ndim)]
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    stride = ir.Constant(word, itemsize)
    strides: list[Any] = []
    for extent in reversed(extents):
        strides.insert(0, stride)
        stride = builder.mul(stride, extent)
    array = arrayobj.make_array(array_type)(context, builder)
    data = builder.inttoptr(load(place), array.data.type)
    arrayobj.populate_array(array, data=data, shape=extents, strides=strides, itemsize=ir.Constant(word, itemsize), meminfo=None)
    return array._getvalue()
