// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_boxes.h"

#include <array>

#include "entente/fingerprint/pdq_axis.h"
#include "entente/fingerprint/pdq_vectors.h"

namespace entente::fingerprint {
namespace {

using Four = Vectors<16>::Floats;

// Four rows of four become four columns.
ENTENTE_CORE void transpose_four(const float* in, std::size_t in_step, float* out,
                                 std::size_t out_step) {
  Four a[4];
  for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(&a[i], in + i * in_step, sizeof a[i]);
  const Four low01 = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
  const Four b[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                     __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                     __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                     __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(out + i * out_step, &b[i], sizeof b[i]);
}

ENTENTE_CORE void to_columns_core(const float* rows, float* columns, std::size_t n) {
  const std::size_t whole = n / 4 * 4;
  for (std::size_t x = 0; x < whole; x += 4) {
    for (std::size_t r = 0; r < kRowGroup; r += 4) {
      transpose_four(rows + r * n + x, n, columns + x * kRowGroup + r, kRowGroup);
    }
  }
  for (std::size_t x = whole; x < n; ++x) {
    for (std::size_t r = 0; r < kRowGroup; ++r) columns[x * kRowGroup + r] = rows[r * n + x];
  }
}

ENTENTE_CORE void to_rows_core(const float* columns, float* rows, std::size_t n) {
  const std::size_t whole = n / 4 * 4;
  for (std::size_t x = 0; x < whole; x += 4) {
    for (std::size_t r = 0; r < kRowGroup; r += 4) {
      transpose_four(columns + x * kRowGroup + r, kRowGroup, rows + r * n + x, n);
    }
  }
  for (std::size_t x = whole; x < n; ++x) {
    for (std::size_t r = 0; r < kRowGroup; ++r) rows[r * n + x] = columns[x * kRowGroup + r];
  }
}

// Sixteen running sums.
template <class V>
struct Running {
  static constexpr std::size_t kParts = kRowGroup / V::kFloats;
  typename V::Floats sums[kParts] = {};
  int count = 0;

  ENTENTE_CORE void enters(const float* column) {
    for (std::size_t part = 0; part < kParts; ++part) {
      typename V::Floats values;
      __builtin_memcpy(&values, column + part * V::kFloats, sizeof values);
      sums[part] += values;
    }
    ++count;
  }
  ENTENTE_CORE void leaves(const float* column) {
    for (std::size_t part = 0; part < kParts; ++part) {
      typename V::Floats values;
      __builtin_memcpy(&values, column + part * V::kFloats, sizeof values);
      sums[part] -= values;
    }
    --count;
  }
  ENTENTE_CORE void mean(float* out) const {
    for (std::size_t part = 0; part < kParts; ++part) {
      const typename V::Floats means = sums[part] / static_cast<float>(count);
      __builtin_memcpy(out + part * V::kFloats, &means, sizeof means);
    }
  }
};

// Writes every output.
template <class V>
struct All {
  float* out = nullptr;

  ENTENTE_CORE void emit(const Running<V>& box, int at) {
    box.mean(out + static_cast<std::size_t>(at) * kRowGroup);
  }
};

// Writes the sampled outputs; several samples may lie in one place of a short row.
template <class V>
struct Sampled {
  float* out = nullptr;
  int n = 0;
  int k = 0;

  ENTENTE_CORE void emit(const Running<V>& box, int at) {
    while (k < kSample && sample_place(k, n) == at) {
      box.mean(out + static_cast<std::size_t>(k) * kRowGroup);
      ++k;
    }
  }
};

ENTENTE_CORE const float* column_at(const float* columns, int x) {
  return columns + static_cast<std::size_t>(x) * kRowGroup;
}

template <class V, class To>
ENTENTE_CORE void box_core(const float* in, To to, int n) {
  const int window = box_window(n);
  const int reach = box_reach(window);
  Running<V> box;
  int right = 0;
  int left = 0;
  int at = 0;
  for (; right < reach - 1; ++right) box.enters(column_at(in, right));
  for (; right < window; ++right) {
    box.enters(column_at(in, right));
    to.emit(box, at++);
  }
  for (; right < n; ++right, ++left) {
    box.enters(column_at(in, right));
    box.leaves(column_at(in, left));
    to.emit(box, at++);
  }
  for (; at < n; ++left) {
    box.leaves(column_at(in, left));
    to.emit(box, at++);
  }
}

ENTENTE_CORE void slide_core(const float* __restrict row, float* __restrict place,
                             float* __restrict sums, float* __restrict out, float divisor,
                             std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    const float entering = row[x];
    const float sum = (sums[x] + entering) - place[x];
    place[x] = entering;
    sums[x] = sum;
    out[x] = sum / divisor;
  }
}

// The functions of one instruction set, and their table.
// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names and attributes
#define ENTENTE_BOX_PATH(path, TARGET, bytes)                                                    \
  struct path {                                                                                  \
    TARGET static void to_columns(const float* rows, float* columns, std::size_t n) {            \
      to_columns_core(rows, columns, n);                                                         \
    }                                                                                            \
    TARGET static void to_rows(const float* columns, float* rows, std::size_t n) {               \
      to_rows_core(columns, rows, n);                                                            \
    }                                                                                            \
    TARGET static void box(const float* in, float* out, int n) {                                 \
      box_core<Vectors<bytes>>(in, All<Vectors<bytes>>{out}, n);                                 \
    }                                                                                            \
    TARGET static void box_sampled(const float* in, float* out, int n) {                         \
      box_core<Vectors<bytes>>(in, Sampled<Vectors<bytes>>{out, n}, n);                          \
    }                                                                                            \
    TARGET static void slide(const float* row, float* place, float* sums, float* out, float div, \
                             std::size_t n) {                                                    \
      slide_core(row, place, sums, out, div, n);                                                 \
    }                                                                                            \
    static constexpr BoxKernels kTable = {to_columns, to_rows, box, box_sampled, slide};         \
  };

// NOLINTEND(bugprone-macro-parentheses)

ENTENTE_BOX_PATH(Portable, , 16)
#if defined(__x86_64__)
ENTENTE_BOX_PATH(Avx2, ENTENTE_AVX2, 32)
ENTENTE_BOX_PATH(Avx512, ENTENTE_AVX512, 64)
#endif

}  // namespace

const BoxKernels& box_kernels_of(CpuPath path) {
#if defined(__x86_64__)
  const Kernels* chosen = kernels_of(path);
  if (chosen == kernels_of(CpuPath::kAvx512)) return Avx512::kTable;
  if (chosen == kernels_of(CpuPath::kAvx2)) return Avx2::kTable;
#else
  (void)path;
#endif
  return Portable::kTable;
}

}  // namespace entente::fingerprint
