#include <map>
#include <string>
#include <vector>

namespace shop {

using std::string;

// A line of an order.
struct Line {
  string sku;
  int count = 1;
};

enum class State { Open, Paid };

template <typename T>
class Order {
 public:
  explicit Order(std::vector<T> lines) : lines_(std::move(lines)) {}

  int total(const std::map<string, int>& prices) const {
    int sum = 0;
    for (const auto& line : lines_) {
      auto found = prices.find(line.sku);
      if (found == prices.end()) {
        throw std::out_of_range("no price for " + line.sku);
      }
      sum += found->second * line.count;
    }
    return sum > 0 ? sum : 0;
  }

  bool pay();

 private:
  std::vector<T> lines_;
  State state_ = State::Open;
};

int count(const std::vector<Line>& lines) {
  int result = 0;
  auto add = [&result](const Line& line) { result += line.count; };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    add(lines[i]);
  }
  while (result > 100) {
    result -= 1;
  }
  std::vector<int> limits = {1, 2, 3};
  return result + limits[0];
}

}  // namespace shop
