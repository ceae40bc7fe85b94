// Combined: A = w_binary * A_binary + w_opd * A_opd. Verdict without hint: the first term alone; hint without verdict:
// the second alone. In the top-k form the two terms stay apart: the binary one on the tokens, the other on the top-k
// candidates, where its weight scales the advantages (the clipped loss is homogeneous in them).

#include "samples/advantage.hpp"

namespace clawrl {

Advantages advantage_combined(const AdvantageInput& input) {
  Advantages result = advantage_opd(input);
  const Advantages binary = advantage_binary(input);
  for (std::size_t t = 0; t < result.tokens.size(); ++t)
    result.tokens[t] =
        static_cast<float>(input.settings.w_binary * binary.tokens[t] + input.settings.w_opd * result.tokens[t]);
  return result;
}

Advantages advantage_combined_topk(const AdvantageInput& input) {
  Advantages result = advantage_opd_topk(input);
  const Advantages binary = advantage_binary(input);
  for (std::size_t t = 0; t < result.tokens.size(); ++t)
    result.tokens[t] = static_cast<float>(input.settings.w_binary * binary.tokens[t]);
  for (auto& advantage : result.topk_advantages) advantage *= static_cast<float>(input.settings.w_opd);
  return result;
}

}  // namespace clawrl
