#pragma once
// The parts of a tokenizer.json around its model, each read into TokenizerParts.

#include "prompt/tokenizer_field.hpp"
#include "prompt/tokenizer_file.hpp"

namespace clawrl {

/// A null field asks for nothing. All throw UserError naming the field.
void read_normalizer(const JsonField& normalizer, TokenizerParts& parts);
/// Returns whether a ByteLevel stage was there.
bool read_pretokenizer(const JsonField& stage, TokenizerParts& parts);
void read_post_processor(const JsonField& processor, TokenizerParts& parts);
void read_decoder(const JsonField& decoder, bool byte_level, TokenizerParts& parts);

}  // namespace clawrl
