#pragma once
// The archives behind wire.hpp: cereal's binary format, written straight into a vector and read straight from bytes.

#include <cereal/cereal.hpp>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace clawrl {

class WireWriter : public cereal::OutputArchive<WireWriter, cereal::AllowEmptyClassElision> {
 public:
  WireWriter() : OutputArchive(this) {}
  void write(const void* data, std::size_t size) {
    if (size == 0) return;
    const std::size_t place = bytes_.size();
    bytes_.resize(place + size);
    std::memcpy(bytes_.data() + place, data, size);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// A count of elements above the bytes that are left is refused before anything is allocated for it.
class WireReader : public cereal::InputArchive<WireReader, cereal::AllowEmptyClassElision> {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : InputArchive(this), left_(bytes) {}
  void read(void* data, std::size_t size) {
    if (size > left_.size()) {
      throw cereal::Exception("needs " + std::to_string(size) + " more bytes, has " + std::to_string(left_.size()));
    }
    if (size > 0) std::memcpy(data, left_.data(), size);
    left_ = left_.subspan(size);
  }
  std::size_t left() const { return left_.size(); }

 private:
  std::span<const std::byte> left_;
};

template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const T& value) {
  archive.write(&value, sizeof(value));
}

template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, T& value) {
  archive.read(&value, sizeof(value));
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const cereal::SizeTag<T>& count) {
  archive(count.size);
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, cereal::SizeTag<T>& count) {
  archive(count.size);
  if (count.size > archive.left()) {
    throw cereal::Exception("announces " + std::to_string(count.size) + " elements, has " +
                            std::to_string(archive.left()) + " bytes");
  }
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const cereal::BinaryData<T>& data) {
  archive.write(data.data, static_cast<std::size_t>(data.size));
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, cereal::BinaryData<T>& data) {
  archive.read(data.data, static_cast<std::size_t>(data.size));
}

}  // namespace clawrl

CEREAL_REGISTER_ARCHIVE(clawrl::WireWriter)
CEREAL_REGISTER_ARCHIVE(clawrl::WireReader)
CEREAL_SETUP_ARCHIVE_TRAITS(clawrl::WireReader, clawrl::WireWriter)
