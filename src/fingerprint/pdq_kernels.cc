// SPDX-License-Identifier: Apache-2.0
//
#include "entente/fingerprint/pdq_kernels.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "entente/fingerprint/pdq_vectors.h"

namespace entente::fingerprint {
namespace {

ENTENTE_CORE void add_narrow_core(std::uint16_t* __restrict sums,
                                  const std::uint8_t* __restrict row, std::uint16_t weight,
                                  std::size_t n) {
  constexpr std::size_t kCacheLine = 64;
  std::size_t i = 0;
  for (; i + kCacheLine <= n; i += kCacheLine) {
    // Where the next row lies when the picture is in one piece; a hint, which reads nothing.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it may lie outside the object
    const auto* next = reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(row) + n + i);
    __builtin_prefetch(next);
    for (std::size_t at = i; at < i + kCacheLine; ++at) {
      sums[at] = static_cast<std::uint16_t>(sums[at] + weight * row[at]);
    }
  }
  for (; i < n; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + weight * row[i]);
}

ENTENTE_CORE void add_wide_core(std::uint32_t* __restrict sums, const std::uint8_t* __restrict row,
                                std::uint32_t weight, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += weight * row[i];
}

ENTENTE_CORE void add_floats_core(double* __restrict sums, const float* __restrict row,
                                  double weight, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += weight * static_cast<double>(row[i]);
}

ENTENTE_CORE void widen_core(std::uint32_t* __restrict wide, std::uint16_t* __restrict narrow,
                             bool first, std::size_t n) {
  if (first) {
    for (std::size_t i = 0; i < n; ++i) wide[i] = narrow[i];
  } else {
    for (std::size_t i = 0; i < n; ++i) wide[i] += narrow[i];
  }
  std::fill_n(narrow, n, std::uint16_t{0});
}

template <class V>
ENTENTE_CORE void load(typename V::Doubles& out, const double* from) {
  __builtin_memcpy(&out, from, sizeof out);
}
// Exact, and quicker than what compilers make of a conversion of unsigned numbers: a whole number
// below 2^32 as the low bits of 2^52 + it.
template <class V>
ENTENTE_CORE void load(typename V::Doubles& out, const std::uint32_t* from) {
  typename V::Wholes whole;
  __builtin_memcpy(&whole, from, sizeof whole);
  const auto bits = __builtin_convertvector(whole, typename V::Longs) | 0x4330'0000'0000'0000ULL;
  __builtin_memcpy(&out, &bits, sizeof out);
  out -= 0x1p52;
}

// ((l0+l4) + (l2+l6)) + ((l1+l5) + (l3+l7)), whatever the width.
template <class V>
ENTENTE_CORE double joined(const typename V::Doubles (&parts)[V::kPerLanes]) {
  using Two = Vectors<16>::Doubles;
  Two two{};
  if constexpr (V::kDoubles == 8) {
    const auto four = __builtin_shufflevector(parts[0], parts[0], 0, 1, 2, 3) +
                      __builtin_shufflevector(parts[0], parts[0], 4, 5, 6, 7);
    two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
  } else if constexpr (V::kDoubles == 4) {
    const auto four = parts[0] + parts[1];
    two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
  } else {
    two = (parts[0] + parts[2]) + (parts[1] + parts[3]);
  }
  return two[0] + two[1];
}

template <class V, class T>
ENTENTE_CORE void project_core(const T* sums, const Dots& dots, double row_scale, float* out) {
  for (std::size_t k = 0; k < kSample; ++k) {
    const Dot& dot = dots.of[k];
    const T* value = sums + dot.from;
    const double* weight = dots.weights + dot.begin;
    typename V::Doubles lanes[V::kPerLanes] = {};
    for (std::size_t i = 0; i < dot.padded; i += kLanes) {
      for (std::size_t part = 0; part < V::kPerLanes; ++part) {
        typename V::Doubles values;
        typename V::Doubles weights;
        load<V>(values, value + i + part * V::kDoubles);
        load<V>(weights, weight + i + part * V::kDoubles);
        lanes[part] += values * weights;
      }
    }
    out[k] = static_cast<float>(joined<V>(lanes) * (dot.scale * row_scale));
  }
}

ENTENTE_CORE bool in_range_core(const float* values, std::size_t n) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < n; ++i) bad |= !(values[i] >= 0 && values[i] <= 255) ? 1U : 0U;
  return bad == 0;
}

// A picture's detail: how much neighbouring samples differ, each difference cut to a whole number.
ENTENTE_CORE GradientSum gradients_of(const float* a, const float* b, float slack, std::size_t n) {
  int least = 0;
  int value = 0;
  int most = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const float step = (a[j] - b[j]) * 100 / 255;
    const float size = step < 0 ? -step : step;
    const float low = size - slack;
    least += static_cast<int>(low < 0 ? 0 : low);
    value += static_cast<int>(size);
    most += static_cast<int>(size + slack);
  }
  return {least, value, most};
}

ENTENTE_CORE GradientSum gradients_core(const Sample& sample, float slack) {
  constexpr std::size_t kSide = kSample;
  const float* all = sample.data();
  const GradientSum down = gradients_of(all, all + kSide, slack, kSide * (kSide - 1));
  // Along the rows as if they were one, less the steps from the end of a row to the next one's
  // start: long loops vectorise, and the sums are whole numbers.
  const GradientSum along = gradients_of(all, all + 1, slack, kSide * kSide - 1);
  std::array<float, kSample> ends{};
  std::array<float, kSample> starts{};
  for (std::size_t i = 0; i + 1 < kSample; ++i) {
    ends[i] = sample[i * kSample + kSample - 1];
    starts[i] = sample[(i + 1) * kSample];
  }
  const GradientSum wrong = gradients_of(ends.data(), starts.data(), slack, kSide - 1);
  return {down.least + along.least - wrong.least, down.value + along.value - wrong.value,
          down.most + along.most - wrong.most};
}

// Rows 1 to 16 of the 64-point cosine transform, transposed as well; row 0, the mean, says nothing
// about the picture.
struct Cosines {
  std::array<float, std::size_t{kSpectrum} * kSample> rows{};
  std::array<float, std::size_t{kSample} * kSpectrum> columns{};
};

Cosines make_cosines() {
  Cosines out;
  const auto scale = static_cast<float>(std::sqrt(2.0 / kSample));
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSample; ++j) {
      const auto value = static_cast<float>(
          scale * std::cos((std::numbers::pi / 2 / kSample) * static_cast<double>(i + 1) *
                           static_cast<double>(2 * j + 1)));
      out.rows[i * kSample + j] = value;
      out.columns[j * kSpectrum + i] = value;
    }
  }
  return out;
}

const Cosines& cosines() {
  static const Cosines kCosines = make_cosines();
  return kCosines;
}

// Four rows of a matrix product, one vector's columns of it: out[r][…] = Σ a[r][k] · b[k][…].
// Every sum runs over k upwards, as published; the sums run side by side.
template <class V>
ENTENTE_CORE void multiply_core(const float* a, std::size_t a_step, const float* b,
                                std::size_t b_step, float* out, std::size_t out_step) {
  constexpr std::size_t kRows = 4;
  typename V::Floats sums[kRows] = {};
  for (std::size_t k = 0; k < kSample; ++k) {
    typename V::Floats values;
    __builtin_memcpy(&values, b + k * b_step, sizeof values);
    for (std::size_t r = 0; r < kRows; ++r) sums[r] += a[r * a_step + k] * values;
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    __builtin_memcpy(out + r * out_step, &sums[r], sizeof sums[r]);
  }
}

template <class V>
ENTENTE_CORE Spectrum transform_core(const Sample& sample, const Cosines& cosine) {
  std::array<float, std::size_t{kSpectrum} * kSample> half{};
  for (std::size_t j = 0; j < kSample; j += V::kFloats) {
    for (std::size_t i = 0; i < kSpectrum; i += 4) {
      multiply_core<V>(cosine.rows.data() + i * kSample, kSample, sample.data() + j, kSample,
                       half.data() + i * kSample + j, kSample);
    }
  }
  Spectrum out{};
  for (std::size_t j = 0; j < kSpectrum; j += V::kFloats) {
    for (std::size_t i = 0; i < kSpectrum; i += 4) {
      multiply_core<V>(half.data() + i * kSample, kSample, cosine.columns.data() + j, kSpectrum,
                       out.data() + i * kSpectrum + j, kSpectrum);
    }
  }
  return out;
}

// The functions of one instruction set, and their table.
// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names and attributes
#define ENTENTE_PDQ_PATH(path, TARGET, bytes)                                                      \
  struct path {                                                                                    \
    TARGET static void add_narrow(std::uint16_t* s, const std::uint8_t* r, std::uint16_t w,        \
                                  std::size_t n) {                                                 \
      add_narrow_core(s, r, w, n);                                                                 \
    }                                                                                              \
    TARGET static void add_wide(std::uint32_t* s, const std::uint8_t* r, std::uint32_t w,          \
                                std::size_t n) {                                                   \
      add_wide_core(s, r, w, n);                                                                   \
    }                                                                                              \
    TARGET static void add_floats(double* s, const float* r, double w, std::size_t n) {            \
      add_floats_core(s, r, w, n);                                                                 \
    }                                                                                              \
    TARGET static void widen(std::uint32_t* w, std::uint16_t* s, bool first, std::size_t n) {      \
      widen_core(w, s, first, n);                                                                  \
    }                                                                                              \
    TARGET static void project_sums(const std::uint32_t* s, const Dots& d, double scale,           \
                                    float* out) {                                                  \
      project_core<Vectors<bytes>>(s, d, scale, out);                                              \
    }                                                                                              \
    TARGET static void project_doubles(const double* s, const Dots& d, double scale, float* out) { \
      project_core<Vectors<bytes>>(s, d, scale, out);                                              \
    }                                                                                              \
    TARGET static bool in_range(const float* v, std::size_t n) { return in_range_core(v, n); }     \
    TARGET static GradientSum gradients(const Sample& s, float slack) {                            \
      return gradients_core(s, slack);                                                             \
    }                                                                                              \
    TARGET static Spectrum transform(const Sample& s) {                                            \
      return transform_core<Vectors<bytes>>(s, cosines());                                         \
    }                                                                                              \
    static constexpr Kernels table(const char* name) {                                             \
      return {name,         add_narrow,      add_wide, add_floats, widen,                          \
              project_sums, project_doubles, in_range, gradients,  transform};                     \
    }                                                                                              \
  };

// NOLINTEND(bugprone-macro-parentheses)

ENTENTE_PDQ_PATH(Portable, , 16)
constexpr Kernels kPortable = Portable::table("portable");
#if defined(__x86_64__)
ENTENTE_PDQ_PATH(Avx2, ENTENTE_AVX2, 32)
ENTENTE_PDQ_PATH(Avx512, ENTENTE_AVX512, 64)
constexpr Kernels kAvx2 = Avx2::table("avx2");
constexpr Kernels kAvx512 = Avx512::table("avx512");

bool has_avx2() {
  return __builtin_cpu_supports("avx2") != 0;
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}
#endif

}  // namespace

const Kernels* kernels_of(CpuPath path) {
#if defined(__x86_64__)
  static const bool kHasAvx2 = has_avx2();
  static const bool kHasAvx512 = has_avx512();
  switch (path) {
    case CpuPath::kPortable:
      return &kPortable;
    case CpuPath::kAvx2:
      return kHasAvx2 ? &kAvx2 : nullptr;
    case CpuPath::kAvx512:
      return kHasAvx512 ? &kAvx512 : nullptr;
    case CpuPath::kBest:
      break;
  }
  if (kHasAvx512) return &kAvx512;
  return kHasAvx2 ? &kAvx2 : &kPortable;
#else
  return path == CpuPath::kBest || path == CpuPath::kPortable ? &kPortable : nullptr;
#endif
}

bool has_cpu_path(CpuPath path) {
  return kernels_of(path) != nullptr;
}

std::string_view cpu_path_name(CpuPath path) {
  const Kernels* kernels = kernels_of(path);
  return kernels == nullptr ? "absent" : kernels->name;
}

}  // namespace entente::fingerprint
