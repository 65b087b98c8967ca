// SPDX-License-Identifier: Apache-2.0
//
// The photographs that are measured: Debian's mate-backgrounds, PDQ's published examples where they
// lie beside the checkout, and crops and enlargements of them. Errors end the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace entente::bench {

struct Raster {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> bytes;  // row by row
};

using Jpeg = std::vector<std::uint8_t>;

enum class Colour : std::uint8_t { kRgb, kLuma };  // luma: the Y plane, as libjpeg yields it

// libjpeg's accurate DCT at 1/scale, as media/ decodes.
Raster decode_jpeg(const Jpeg& file, Colour colour, int scale);
// Quality 85, chroma at half size.
Jpeg encode_jpeg(const Raster& rgb);

struct Photograph {
  std::string name;
  Jpeg file;
};
// Sorted by name; empty where the folder is missing.
std::vector<Photograph> photographs_in(const std::filesystem::path& folder);
std::vector<Photograph> debian_photographs();  // stops when the package is missing

Raster crop(const Raster& from, int x, int y, int width, int height);
// Bilinear, to twice each side.
Raster doubled(const Raster& from);

}  // namespace entente::bench
