#include "demo/problem.hpp"

#include <array>

namespace clawrl::demo {
namespace {

using Words = std::string_view;

constexpr std::array first_names = {Words("Mia"),  Words("Ben"),   Words("Ada"),   Words("Leo"),  Words("Nina"),
                                    Words("Omar"), Words("Ruth"),  Words("Ivan"),  Words("Lena"), Words("Paul"),
                                    Words("Sara"), Words("Tom"),   Words("Vera"),  Words("Hugo"), Words("Clara"),
                                    Words("Finn"), Words("Grace"), Words("Jonas"), Words("Kira"), Words("Max"),
                                    Words("Noor"), Words("Otto"),  Words("Rosa"),  Words("Sven"), Words("Tara"),
                                    Words("Yuri"), Words("Zoe"),   Words("Emil"),  Words("Dora"), Words("Amir")};
constexpr std::array last_names = {Words("Stone"), Words("Berg"),  Words("Lake"),  Words("Field"), Words("Wood"),
                                   Words("Hill"),  Words("Marsh"), Words("Reed"),  Words("Frost"), Words("Bell"),
                                   Words("Cole"),  Words("Dale"),  Words("Grant"), Words("Hale"),  Words("King"),
                                   Words("Lane"),  Words("Moss"),  Words("Nash"),  Words("Park"),  Words("Shaw")};
constexpr std::array adjectives = {Words("red"),   Words("blue"),  Words("green"), Words("small"),
                                   Words("large"), Words("old"),   Words("new"),   Words("round"),
                                   Words("white"), Words("black"), Words("clean"), Words("yellow")};
constexpr std::array nouns = {Words("apples"),  Words("books"),   Words("coins"),  Words("pens"),    Words("stamps"),
                              Words("marbles"), Words("cards"),   Words("shells"), Words("stones"),  Words("cups"),
                              Words("boxes"),   Words("buttons"), Words("eggs"),   Words("keys"),    Words("lamps"),
                              Words("plates"),  Words("ropes"),   Words("seeds"),  Words("spoons"),  Words("toys"),
                              Words("bottles"), Words("candles"), Words("leaves"), Words("pears"),   Words("tickets"),
                              Words("balls"),   Words("bags"),    Words("maps"),   Words("brushes"), Words("nails")};
constexpr std::array gains = {Words("buys"), Words("finds"), Words("gets"), Words("wins"), Words("picks up")};
constexpr std::array losses = {Words("sells"), Words("loses"), Words("gives away"), Words("drops"), Words("lends out")};
constexpr std::array gain_places = {Words("at the market"),   Words("in the morning"), Words("at school"),
                                    Words("on the way home"), Words("from a friend"),  Words("in the garden")};
constexpr std::array loss_places = {Words("at the fair"),     Words("in the evening"), Words("at school"),
                                    Words("on the way home"), Words("after lunch"),    Words("in the park")};

}  // namespace

Pair make_name(Random& random, Split split) {
  return pick_pair(random, split, "name", first_names, last_names);
}

Problem make_problem(Random& random, Split split) {
  const Pair name = make_name(random, split);
  const Pair object = pick_pair(random, split, "object", adjectives, nouns);
  Problem p;
  p.adds = random.chance(0.5);
  p.first_name = name.first;
  p.object = object.joined();
  p.noun = object.second;
  p.change = random.between(2, 9);
  p.start = p.adds ? random.between(2, 9) : p.change + random.between(2, 9);
  p.answer = p.adds ? p.start + p.change : p.start - p.change;
  const Pair action = p.adds ? pick_pair(random, split, "gain", gains, gain_places)
                             : pick_pair(random, split, "loss", losses, loss_places);
  const std::string change = std::to_string(p.change) + (p.adds ? " more " : " ");
  p.text = name.joined() + " has " + std::to_string(p.start) + " " + p.object + " and " + std::string(action.first) +
           " " + change + std::string(action.second) + ". How many " + p.object + " does " + p.first_name +
           (p.adds ? " have now?" : " have left?");
  return p;
}

}  // namespace clawrl::demo
