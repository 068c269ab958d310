const std = @import("std");
const Allocator = std.mem.Allocator;

/// A line of an order.
pub const Line = struct {
    sku: []const u8,
    count: u32 = 1,

    pub fn total(self: Line, price: u32) u32 {
        return self.count * price;
    }
};

const State = enum { open, paid };

const Failure = error{ Empty, TooLarge };

pub fn sum(lines: []const Line, allocator: Allocator) !u32 {
    var result: u32 = 0;
    if (lines.len == 0) {
        return Failure.Empty;
    }
    for (lines) |line| {
        result += line.total(3);
    }
    const copy = try allocator.alloc(u32, 4);
    defer allocator.free(copy);
    while (result > 1000) : (result -= 1) {
        if (result == 2000) break;
    }
    return switch (result) {
        0 => Failure.Empty,
        else => result,
    };
}

pub fn main() !void {
    // two lines
    const lines = [_]Line{ .{ .sku = "x", .count = 2 }, .{ .sku = "y" } };
    std.debug.print("{d}\n", .{try sum(&lines, std.heap.page_allocator)});
}

test "sum" {
    try std.testing.expectEqual(@as(u32, 9), 9);
}
