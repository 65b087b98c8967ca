// SPDX-License-Identifier: Apache-2.0
//
// Plain loops, always inlined into functions that a target attribute compiles for one instruction
// set: the compiler vectorises them, and the same text gives the same sums. Built with -O3 and
// -ffp-contract=off (CMakeLists.txt).
#include "entente/fingerprint/pdq_kernels.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#define ENTENTE_CORE [[gnu::always_inline]] inline

namespace entente::fingerprint {
namespace {

ENTENTE_CORE void add_narrow_core(std::uint16_t* __restrict sums,
                                  const std::uint8_t* __restrict row, std::uint16_t weight,
                                  std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    sums[i] = static_cast<std::uint16_t>(sums[i] + weight * row[i]);
  }
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

using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));
using WholeLanes = std::uint32_t __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

template <class Values, class T>
ENTENTE_CORE void project_core(const T* sums, const Dots& dots, double row_scale, float* out) {
  for (std::size_t k = 0; k < kSample; ++k) {
    const Dot& dot = dots.of[k];
    const T* value = sums + dot.from;
    const double* weight = dots.weights + dot.begin;
    Lanes lanes{};
    for (std::size_t i = 0; i < dot.padded; i += kLanes) {
      Values values;
      Lanes weights;
      __builtin_memcpy(&values, value + i, sizeof values);
      __builtin_memcpy(&weights, weight + i, sizeof weights);
      lanes += __builtin_convertvector(values, Lanes) * weights;
    }
    const double sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
                       ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    out[k] = static_cast<float>(sum * (dot.scale * row_scale));
  }
}

ENTENTE_CORE bool in_range_core(const float* values, std::size_t n) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < n; ++i) bad |= !(values[i] >= 0 && values[i] <= 255) ? 1U : 0U;
  return bad == 0;
}

// A picture's detail: how much neighbouring samples differ, each difference cut to a whole number.
ENTENTE_CORE void add_gradients(GradientSum& sum, const float* a, const float* b, float slack,
                                std::size_t n) {
  int least = 0;
  int most = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const float step = (a[j] - b[j]) * 100 / 255;
    const float size = step < 0 ? -step : step;
    const float low = size - slack;
    least += static_cast<int>(low < 0 ? 0 : low);
    most += static_cast<int>(size + slack);
  }
  sum.least += least;
  sum.most += most;
}

ENTENTE_CORE GradientSum gradients_core(const Sample& sample, float slack) {
  GradientSum out;
  for (std::size_t i = 0; i < kSample; ++i) {
    const float* at = sample.data() + i * kSample;
    if (i + 1 < kSample) add_gradients(out, at, at + kSample, slack, kSample);
    add_gradients(out, at, at + 1, slack, kSample - 1);
  }
  return out;
}

// Rows 1 to 16 of the 64-point cosine transform, transposed as well; row 0, the mean, says nothing
// about the picture.
struct Cosines {
  std::array<float, kSpectrum * kSample> rows{};
  std::array<float, kSample * kSpectrum> columns{};
};

Cosines make_cosines() {
  Cosines out;
  const float scale = static_cast<float>(std::sqrt(2.0 / kSample));
  for (int i = 0; i < kSpectrum; ++i) {
    for (int j = 0; j < kSample; ++j) {
      const auto value = static_cast<float>(
          scale * std::cos((std::numbers::pi / 2 / kSample) * (i + 1) * (2 * j + 1)));
      out.rows[static_cast<std::size_t>(i * kSample + j)] = value;
      out.columns[static_cast<std::size_t>(j * kSpectrum + i)] = value;
    }
  }
  return out;
}

const Cosines& cosines() {
  static const Cosines kCosines = make_cosines();
  return kCosines;
}

// Every sum runs over k upwards, as published; neighbouring sums run side by side.
ENTENTE_CORE Spectrum transform_core(const Sample& sample, const Cosines& cosine) {
  std::array<float, kSpectrum * kSample> half{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    float* sums = half.data() + i * kSample;
    for (std::size_t k = 0; k < kSample; ++k) {
      const float c = cosine.rows[i * kSample + k];
      const float* row = sample.data() + k * kSample;
      for (std::size_t j = 0; j < kSample; ++j) sums[j] += c * row[j];
    }
  }
  Spectrum out{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    float* sums = out.data() + i * kSpectrum;
    for (std::size_t k = 0; k < kSample; ++k) {
      const float h = half[i * kSample + k];
      const float* column = cosine.columns.data() + k * kSpectrum;
      for (std::size_t j = 0; j < kSpectrum; ++j) sums[j] += h * column[j];
    }
  }
  return out;
}

// The functions of one instruction set, and their table.
#define ENTENTE_PDQ_PATH(path, TARGET)                                                             \
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
      project_core<WholeLanes>(s, d, scale, out);                                                  \
    }                                                                                              \
    TARGET static void project_doubles(const double* s, const Dots& d, double scale, float* out) { \
      project_core<Lanes>(s, d, scale, out);                                                       \
    }                                                                                              \
    TARGET static bool in_range(const float* v, std::size_t n) { return in_range_core(v, n); }     \
    TARGET static GradientSum gradients(const Sample& s, float slack) {                            \
      return gradients_core(s, slack);                                                             \
    }                                                                                              \
    TARGET static Spectrum transform(const Sample& s) { return transform_core(s, cosines()); }     \
    static constexpr Kernels table(const char* name) {                                             \
      return {name,         add_narrow,      add_wide, add_floats, widen,                          \
              project_sums, project_doubles, in_range, gradients,  transform};                     \
    }                                                                                              \
  };

ENTENTE_PDQ_PATH(Portable, )
constexpr Kernels kPortable = Portable::table("portable");
#if defined(__x86_64__)
ENTENTE_PDQ_PATH(Avx2, [[gnu::target("avx2")]])
ENTENTE_PDQ_PATH(Avx512, [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]])
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
