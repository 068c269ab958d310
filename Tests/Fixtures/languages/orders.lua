local json = require("json")

-- A line of an order.
local Line = {}
Line.__index = Line

function Line.new(sku, count)
  return setmetatable({ sku = sku, count = count or 1 }, Line)
end

function Line:total(prices)
  local price = prices[self.sku]
  if not price then
    return 0
  elseif price < 0 then
    error("negative price")
  end
  return price * self.count
end

local function sum(lines, prices)
  local total = 0
  for _, line in ipairs(lines) do
    total = total + line:total(prices)
  end
  return total
end

local lines = { Line.new("x", 2), Line.new('y') }
table.sort(lines, function(a, b)
  return a.count < b.count
end)
while #lines > 0 do
  print(json.encode(table.remove(lines)))
end
repeat
  lines[#lines + 1] = [[
long string]]
until #lines == 3
