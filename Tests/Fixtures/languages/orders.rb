require "json"

# A line of an order.
class Line
  attr_reader :sku, :count

  def initialize(sku, count = 1)
    @sku = sku
    @count = count
  end

  def total(prices)
    price = prices.fetch(sku, 0)
    if price < 0
      raise ArgumentError, "#{sku} costs #{price}"
    elsif count.zero?
      return 0
    end
    price * count
  end
end

module Orders
  LIMITS = [1, 2, 3].freeze

  def self.load(path)
    lines = JSON.parse(File.read(path)).map do |entry|
      Line.new(entry["sku"], entry["count"])
    end
    lines.pop while lines.size > 3
    lines.each { |line| puts line.sku }
    options = { strict: true, "limit" => 2 }
    case lines.size
    when 0 then []
    else
      options[:strict] ? lines.select { |line| line.count > 0 } : lines
    end
  end
end
