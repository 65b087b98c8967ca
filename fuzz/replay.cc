// SPDX-License-Identifier: Apache-2.0
//
// Runs a target on each file of its corpus and on mutations of it, the same each time:
//   fuzz_json corpus/json 1000
// An input that breaks a promise is left in the working folder as fuzz-failed.bin.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"

namespace {

using Input = std::vector<std::uint8_t>;

// Inputs do not grow beyond this, so that a run's time stays bounded.
constexpr std::size_t kMaxBytes = std::size_t{64} << 10;

Input* current = nullptr;

void keep_the_input() {
  if (current == nullptr) return;
  if (std::FILE* file = std::fopen("fuzz-failed.bin", "wb")) {
    std::fwrite(current->data(), 1, current->size(), file);
    std::fclose(file);
  }
  current = nullptr;
}

extern "C" void on_signal(int number) {
  keep_the_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void run(Input& input) {
  current = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  current = nullptr;
}

std::size_t below(std::mt19937& random, std::size_t end) {
  return end == 0 ? 0 : random() % end;
}

// One small damage: a bit, a byte, a run repeated, left out or taken from another file, or the end.
void mutate(Input& input, const Input& other, std::mt19937& random) {
  constexpr std::size_t kRun = 32;
  const std::size_t at = below(random, input.size());
  const auto from = input.begin() + static_cast<std::ptrdiff_t>(at);
  const std::size_t run_bytes = below(random, std::min(kRun, input.size() - at) + 1);
  const auto to = from + static_cast<std::ptrdiff_t>(run_bytes);
  constexpr std::uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\n', '/', '%', '+'};
  switch (random() % 6) {
    case 0:
      if (!input.empty()) *from = static_cast<std::uint8_t>(*from ^ 1U << random() % 8);
      break;
    case 1:
      if (!input.empty()) *from = kTelling[below(random, std::size(kTelling))];
      break;
    case 2:
      input.erase(from, to);
      break;
    case 3: {
      const Input run_copy(from, to);
      input.insert(from, run_copy.begin(), run_copy.end());
      break;
    }
    case 4: {
      const std::size_t start = below(random, other.size());
      const std::size_t size = below(random, std::min(kRun, other.size() - start) + 1);
      const auto begin = other.begin() + static_cast<std::ptrdiff_t>(start);
      input.insert(from, begin, begin + static_cast<std::ptrdiff_t>(size));
      break;
    }
    default:
      if (random() % 8 == 0) input.resize(at);
      break;
  }
  if (input.size() > kMaxBytes) input.resize(kMaxBytes);
}

std::vector<Input> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> out;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  int mutations = 0;
  if (argc != 3 ||
      std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), mutations).ec != std::errc()) {
    std::fprintf(stderr, "usage: %s CORPUS MUTATIONS\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(number, on_signal);
  }
  std::error_code missing;
  const bool there = std::filesystem::is_directory(argv[1], missing);
  std::vector<Input> corpus = there ? read_corpus(argv[1]) : std::vector<Input>();
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus at %s\n", argv[1]);
    return 2;
  }
  Input nothing;
  run(nothing);
  std::mt19937 random(1);  // the same each time
  for (Input& input : corpus) run(input);
  for (const Input& seed : corpus) {
    for (int i = 0; i < mutations; ++i) {
      Input input = seed;
      const std::size_t damages = 1 + random() % 4;
      for (std::size_t d = 0; d < damages; ++d) {
        mutate(input, corpus[below(random, corpus.size())], random);
      }
      run(input);
    }
  }
  std::printf("%zu files, %d mutations of each\n", corpus.size(), mutations);
  return 0;
}
