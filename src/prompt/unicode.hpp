#pragma once
// The two Unicode services that a tokenizer needs beside its regex. Texts are valid UTF-8.

#include <string>
#include <string_view>

namespace clawrl {

/// Bytes at the beginning that NFC keeps as they are, whatever follows a character that is itself among them.
std::size_t surely_nfc_prefix(std::string_view text);

/// True if NFC leaves the text as it is for certain (cheap, may say false for normal text).
bool is_surely_nfc(std::string_view text);

/// Normalisation form C.
std::string nfc(std::string_view text);

/// Unicode White_Space, which is what the regex engine of Hugging Face tokenizers calls \s.
bool is_white_space(char32_t code);

}  // namespace clawrl
