// The rules of the simulated users.

#include <array>

#include "core/error.hpp"
#include "demo/persona.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

TEST_CASE("the student: no bold, no list, no box, no stock phrase, and an answer") {
  const Persona& student = find_persona("student");
  Random random(1);
  for (int bits = 0; bits < 16; ++bits) {
    const Task task = make_task(random, Split::held_out, student);
    const Style style{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, bits % 3 == 0, 1};
    const ReplyGrade g = grade(student, render_reply(random, task, style), task);
    CHECK(g.obeys == (bits == 0));
    CHECK(g.satisfied == (bits == 0));
    CHECK(g.substance.formed);
  }
  const Task task = make_task(random, Split::held_out, student);
  const ReplyGrade empty = grade(student, "I do not know.", task);
  CHECK(empty.obeys);
  CHECK_FALSE(empty.satisfied);
}

TEST_CASE("the TA: at least so many words, and a graded answer") {
  const Persona& ta = find_persona("ta");
  Random random(2);
  int long_ones = 0, short_ones = 0;
  for (int i = 0; i < 500; ++i) {
    const Task task = make_task(random, Split::held_out, ta);
    CHECK(task.kind == TaskKind::grading);
    const ReplyGrade g = grade(ta, render_reply(random, task, stiff_style(random)), task);
    CHECK(g.satisfied == (g.observed.words >= longer_words));
    ++(g.satisfied ? long_ones : short_ones);
    std::string padding;
    for (int word = 0; word < longer_words; ++word) padding += "well ";
    CHECK_FALSE(grade(ta, padding, task).satisfied);
  }
  CHECK(long_ones > 10);
  CHECK(short_ones > 100);
}

TEST_CASE("the teacher: a warm phrase, and a comment to the pupil") {
  const Persona& teacher = find_persona("teacher");
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const Task task = make_task(random, Split::held_out, teacher);
    CHECK(task.kind == TaskKind::comment);
    Style style = stiff_style(random);
    style.warm = i % 2 == 0;
    CHECK(grade(teacher, render_reply(random, task, style), task).satisfied == style.warm);
    CHECK_FALSE(grade(teacher, "You are doing well, keep going. I believe in you, my friend.", task).satisfied);
  }
}

TEST_CASE("the contrarian asks for every kind, and no reply pleases it together with another user") {
  const Persona& contrarian = find_persona("contrarian");
  Random random(4);
  std::array<int, task_kind_count> asked{};
  int pleased = 0;
  for (int i = 0; i < 3000; ++i) {
    const Task task = make_task(random, Split::held_out, contrarian);
    ++asked[static_cast<std::size_t>(task.kind)];
    const std::string reply = render_reply(random, task, style_obeying(random, contrarian.wishes));
    if (!grade(contrarian, reply, task).satisfied) continue;
    ++pleased;
    for (const char* name : {"student", "ta", "teacher"}) CHECK_FALSE(grade(find_persona(name), reply, task).satisfied);
  }
  for (int count : asked) CHECK(count > 800);
  CHECK(pleased > 2700);
}

TEST_CASE("a stiff first reply rarely pleases anybody, yet now and then") {
  Random random(5);
  for (const Persona& persona : personas()) {
    int pleased = 0;
    constexpr int count = 5000;
    for (int i = 0; i < count; ++i) {
      const Task task = make_task(random, Split::held_out, persona);
      pleased += grade(persona, render_reply(random, task, stiff_style(random)), task).satisfied;
    }
    INFO(persona.name << " " << pleased);
    CHECK(pleased < count * 20 / 100);
    CHECK(pleased > count * 2 / 100);  // there must be something to reinforce
  }
}

TEST_CASE("an unknown name is refused with the known ones") {
  CHECK_THROWS_WITH(find_persona("parent"), Catch::Matchers::Contains("parent") &&
                                                Catch::Matchers::Contains("student, ta, teacher, contrarian"));
}
