#include "demo/feedback.hpp"

#include <array>
#include <cctype>

#include "demo/task.hpp"

namespace clawrl::demo {
namespace {

using Words = std::string_view;
using WordList = std::span<const Words>;

constexpr std::array modals = {Words("please"),      Words("kindly"),  Words("could you"), Words("next time"),
                               Words("from now on"), Words("can you"), Words("would you"), Words("you should")};
constexpr std::array removing = {Words("skip"),   Words("drop"), Words("avoid"),      Words("leave out"),
                                 Words("remove"), Words("lose"), Words("stop using"), Words("get rid of")};
constexpr std::array adding = {Words("use"),     Words("add"),    Words("include"),
                               Words("give me"), Words("put in"), Words("show me")};
constexpr std::array dislikes = {Words("don't like"), Words("can't stand"), Words("dislike"),
                                 Words("hate"),       Words("am tired of"), Words("don't want")};
constexpr std::array misses = {Words("miss"), Words("prefer"), Words("would like"),
                               Words("want"), Words("need"),   Words("asked for")};
constexpr std::array subjects = {Words("I"),           Words("I really"), Words("honestly I"), Words("to be honest I"),
                                 Words("sorry but I"), Words("again I")};

constexpr std::array bold_adjectives = {Words("bold"), Words("thick"), Words("heavy"), Words("fat")};
constexpr std::array bold_nouns = {Words("text"), Words("words"), Words("letters"), Words("type"), Words("print")};
constexpr std::array list_adjectives = {Words("numbered"), Words("counted"), Words("itemised"), Words("stepwise")};
constexpr std::array list_nouns = {Words("list"), Words("steps"), Words("points"), Words("items"), Words("layout")};
constexpr std::array box_adjectives = {Words("boxed"), Words("framed"), Words("bordered"), Words("enclosed")};
constexpr std::array box_nouns = {Words("answer"), Words("result"), Words("number"), Words("solution"), Words("total")};
constexpr std::array stock_adjectives = {Words("stock"), Words("canned"), Words("polite"), Words("standard")};
constexpr std::array stock_nouns = {Words("phrase"), Words("greeting"), Words("opener"), Words("formula"),
                                    Words("intro")};

constexpr std::array length_adjectives = {Words("detailed"), Words("lengthy"), Words("extended"), Words("thorough"),
                                          Words("long")};
constexpr std::array length_nouns = {Words("explanation"), Words("wording"), Words("account"), Words("reasoning"),
                                     Words("version")};
constexpr std::array tone_adjectives = {Words("warm"), Words("kind"), Words("friendly"), Words("caring"),
                                        Words("cordial")};
constexpr std::array tone_nouns = {Words("tone"), Words("voice"), Words("note"), Words("touch"), Words("manner")};

constexpr std::array shaping = {Words("keep it"), Words("make it"), Words("write it"),
                                Words("have it"), Words("answer"),  Words("phrase it")};
constexpr std::array short_words = {Words("shorter"),        Words("briefer"),    Words("more compact"),
                                    Words("in fewer words"), Words("less wordy"), Words("more to the point")};
constexpr std::array long_words = {Words("longer"),         Words("more detailed"), Words("in more words"),
                                   Words("at more length"), Words("less terse"),    Words("more complete")};
constexpr std::array tone_verbs = {Words("be"),   Words("sound"),       Words("stay"),
                                   Words("seem"), Words("come across"), Words("speak")};
constexpr std::array warm_words = {Words("warmer"),      Words("kinder"),       Words("friendlier"),
                                   Words("more caring"), Words("more cordial"), Words("more gentle")};
constexpr std::array cool_words = {Words("cooler"),      Words("more neutral"), Words("more distant"),
                                   Words("less chummy"), Words("more sober"),   Words("more formal")};

constexpr std::array openers_a = {Words("hmm"),  Words("no"),   Words("well"), Words("thanks"),
                                  Words("okay"), Words("look"), Words("hey"),  Words("right")};
constexpr std::array openers_b = {Words("but"),       Words("not quite"), Words("almost"), Words("still"),
                                  Words("one thing"), Words("sorry"),     Words("hold on")};
constexpr std::array closers_a = {Words("try again"), Words("once more"),  Words("redo it"),
                                  Words("fix that"),  Words("do it over"), Words("write it again")};
constexpr std::array closers_b = {Words("please"),    Words("for me"),    Words("now"),
                                  Words("like that"), Words("this time"), Words("if you can")};

constexpr std::array lost = {Words("don't understand"), Words("can't follow"), Words("am lost with"),
                             Words("can't read")};
constexpr std::array lost_objects = {Words("this reply"), Words("that answer"), Words("what you wrote"),
                                     Words("these words"), Words("your message")};

constexpr std::array praise_openers = {Words("thanks"), Words("perfect"), Words("great"), Words("lovely"),
                                       Words("nice"),   Words("okay"),    Words("well"),  Words("yes")};
constexpr std::array praise_claims = {Words("that is exactly"), Words("this is just"), Words("that is really"),
                                      Words("this is precisely"), Words("now that is")};
constexpr std::array praise_ends = {Words("what I needed"),    Words("how I like it"), Words("the way to write it"),
                                    Words("what I hoped for"), Words("right for me"),  Words("good")};
constexpr std::array glad = {Words("I am glad"), Words("I like"), Words("it is good"), Words("I am happy")};
constexpr std::array kept_verbs = {Words("that you used"), Words("that you gave me"), Words("that there is")};
constexpr std::array left_verbs = {Words("that you skipped"), Words("that you left out"), Words("that there is not")};

constexpr std::array neutral_a = {Words("okay"),     Words("next one"),    Words("moving on"), Words("here is another"),
                                  Words("now this"), Words("another one"), Words("hey")};
constexpr std::array neutral_b = {Words("a new problem"),        Words("from my homework"),   Words("for tomorrow"),
                                  Words("about something else"), Words("from the same page"), Words("from my sister")};
constexpr std::array articles = {Words("the"), Words("that"), Words("this"), Words("your")};

struct Phrasebook {
  Words level;
  WordList adjectives, nouns;
};

Phrasebook book_of(Wish wish) {
  switch (static_cast<int>(wish) / 2) {
    case 0:
      return {"bold", bold_adjectives, bold_nouns};
    case 1:
      return {"list", list_adjectives, list_nouns};
    case 2:
      return {"box", box_adjectives, box_nouns};
    case 3:
      return {"stock", stock_adjectives, stock_nouns};
    case 4:
      return {"length", length_adjectives, length_nouns};
    default:
      return {"tone", tone_adjectives, tone_nouns};
  }
}

/// The wish is to have what the phrasebook names, not to miss it.
bool wants(Wish wish) {
  return wish >= Wish::warmer ? wish == Wish::warmer : static_cast<int>(wish) % 2 == 1;
}

std::string noun_phrase(Random& random, Split split, Wish wish) {
  const Phrasebook book = book_of(wish);
  return std::string(random.pick(articles)) + " " +
         pick_pair(random, split, book.level, book.adjectives, book.nouns).joined();
}

/// Length and tone have adverbs of their own: "keep it shorter", "sound warmer".
Pair shape(Random& random, Split split, Wish wish) {
  switch (wish) {
    case Wish::shorter:
      return pick_pair(random, split, "shorter", shaping, short_words);
    case Wish::longer:
      return pick_pair(random, split, "longer", shaping, long_words);
    case Wish::warmer:
      return pick_pair(random, split, "warmer", tone_verbs, warm_words);
    default:
      return pick_pair(random, split, "cooler", tone_verbs, cool_words);
  }
}

std::string clause(Random& random, Split split, Wish wish) {
  if (wish >= Wish::shorter && random.chance(0.5)) {
    const std::string modal(random.pick(modals));
    return modal + " " + shape(random, split, wish).joined();
  }
  const Pair lead = random.chance(0.65) ? (wants(wish) ? pick_pair(random, split, "adding", modals, adding)
                                                       : pick_pair(random, split, "removing", modals, removing))
                                        : (wants(wish) ? pick_pair(random, split, "missing", subjects, misses)
                                                       : pick_pair(random, split, "disliking", subjects, dislikes));
  return lead.joined() + " " + noun_phrase(random, split, wish);
}

std::string sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

}  // namespace

std::string complaint(Random& random, Split split, const std::vector<Wish>& wishes) {
  std::string text;
  if (random.chance(0.6)) text = pick_pair(random, split, "opener", openers_a, openers_b).joined(" ") + ", ";
  for (std::size_t i = 0; i < wishes.size(); ++i) text += (i == 0 ? "" : " and ") + clause(random, split, wishes[i]);
  text = sentence(text);
  if (random.chance(0.5)) text += " " + sentence(pick_pair(random, split, "closer", closers_a, closers_b).joined());
  return text;
}

std::string confusion(Random& random, Split split) {
  std::string text;
  if (random.chance(0.5)) text = pick_pair(random, split, "opener", openers_a, openers_b).joined(" ") + ", ";
  return sentence(text + std::string(random.pick(subjects)) + " " +
                  pick_pair(random, split, "lost", lost, lost_objects).joined());
}

std::string praise(Random& random, Split split, const std::vector<Wish>& kept) {
  std::string text = std::string(random.pick(praise_openers)) + ", " +
                     pick_pair(random, split, "praise", praise_claims, praise_ends).joined();
  text = sentence(text);
  if (!kept.empty()) {
    const Pair lead = wants(kept.front()) ? pick_pair(random, split, "kept", glad, kept_verbs)
                                          : pick_pair(random, split, "left", glad, left_verbs);
    text += " " + sentence(lead.joined() + " " + noun_phrase(random, split, kept.front()));
  }
  return text;
}

std::string neutral(Random& random, Split split) {
  const std::string lead = sentence(pick_pair(random, split, "neutral", neutral_a, neutral_b).joined(", "));
  return lead + " " + make_task(random, split, random_kind(random)).text;
}

}  // namespace clawrl::demo
