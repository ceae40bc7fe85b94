#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>

#include "demo/learning_report.hpp"

namespace clawrl::demo {
namespace {

constexpr double width = 720, height = 320, left = 60, right = 20, top = 40, bottom = 50;
constexpr int window = 15;
constexpr std::array colours = {"#1f6feb", "#1a7f37", "#8250df", "#bc4c00"};

double y_of(double share) {
  return height - bottom - (height - top - bottom) * share;
}

double x_of(double session, double sessions) {
  return left + (width - left - right) * session / sessions;
}

void draw_axes(std::ostream& svg, double sessions) {
  svg << "<rect width=\"720\" height=\"320\" fill=\"white\"/>\n"
      << "<text x=\"360\" y=\"22\" text-anchor=\"middle\" font-size=\"14\">Satisfied first replies over "
         "sessions</text>\n";
  for (int tick = 0; tick <= 4; ++tick) {
    const double share = tick / 4.0;
    svg << "<line x1=\"" << left << "\" x2=\"" << width - right << "\" y1=\"" << y_of(share) << "\" y2=\""
        << y_of(share) << "\" stroke=\"#ddd\"/><text x=\"" << left - 8 << "\" y=\"" << y_of(share) + 4
        << "\" text-anchor=\"end\">" << share << "</text>\n";
    svg << "<text x=\"" << x_of(sessions * share, sessions) << "\" y=\"" << height - bottom + 18
        << "\" text-anchor=\"middle\">" << static_cast<int>(sessions * share) << "</text>\n";
  }
  svg << "<text x=\"360\" y=\"" << height - 10 << "\" text-anchor=\"middle\">sessions (mean of the last " << window
      << ")</text>\n";
}

void draw_line(std::ostream& svg, const std::vector<const ReplyRecord*>& firsts, double sessions, const char* colour) {
  svg << "<polyline fill=\"none\" stroke=\"" << colour << "\" stroke-width=\"2\" points=\"";
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const std::size_t begin = i + 1 >= window ? i + 1 - window : 0;
    double sum = 0;
    for (std::size_t j = begin; j <= i; ++j) sum += firsts[j]->grade.satisfied;
    svg << x_of(static_cast<double>(i + 1), sessions) << "," << y_of(sum / static_cast<double>(i + 1 - begin)) << " ";
  }
  svg << "\"/>\n";
}

struct Mark {
  double x;
  Satisfaction shares;
  std::string label;
  const char* anchor;
  const char* colour;
};

void draw_mark(std::ostream& svg, const Mark& m) {
  if (m.shares.count == 0) return;
  const double y = y_of(m.shares.satisfied);
  svg << "<circle cx=\"" << m.x << "\" cy=\"" << y << "\" r=\"5\" fill=\"" << m.colour << "\"/><text x=\"" << m.x
      << "\" y=\"" << y + (m.shares.satisfied > 0.85 ? 22 : -10) << "\" text-anchor=\"" << m.anchor << "\" fill=\""
      << m.colour << "\">" << m.label << " " << std::setprecision(2) << m.shares.satisfied << "</text>\n"
      << std::setprecision(6);
}

}  // namespace

std::string to_svg(const LearningRecord& record) {
  const std::vector<std::string> names = personas_of(record);
  double sessions = 1;
  for (const std::string& name : names)
    sessions = std::max(sessions, static_cast<double>(first_replies(part_of(record, name).sessions).size()));
  std::ostringstream svg;
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 320\" font-family=\"sans-serif\" "
         "font-size=\"12\">\n";
  draw_axes(svg, sessions);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const LearningRecord part = part_of(record, names[i]);
    const char* line = colours[i % colours.size()];
    draw_line(svg, first_replies(part.sessions), sessions, line);
    const bool alone = names.size() == 1;
    const char* dot = alone ? "#d1242f" : line;
    const std::string who = alone ? "held-out" : names[i];
    draw_mark(svg, {x_of(0, sessions), satisfaction_of(part.before), who + " before", "start", dot});
    draw_mark(svg, {x_of(sessions, sessions), satisfaction_of(part.after), who + " after", "end", dot});
  }
  svg << "</svg>\n";
  return svg.str();
}

}  // namespace clawrl::demo
