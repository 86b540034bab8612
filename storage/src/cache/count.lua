-- The counter of counter.rs as one step.
-- KEYS: the counter. ARGV: amount, now in ms, ms of the window, ms to keep it at most. Answer: total, end in ms.
local amount, now, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local kept = redis.call('HMGET', KEYS[1], 'n', 'e')
local total, ends = tonumber(kept[1]), tonumber(kept[2])
if not total or not ends or now >= ends then
  total, ends = 0, now + window
  redis.call('HSET', KEYS[1], 'e', string.format('%.0f', ends))
  -- Whether the window is over is asked of the caller's clock. This only takes away what nobody asks for any more.
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
total = total + amount
redis.call('HSET', KEYS[1], 'n', string.format('%.0f', total))
return {total, ends}
