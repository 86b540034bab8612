-- A tally of tally.rs as one step.
-- KEYS: the tally. ARGV: now in ms, then pairs of a field (name@ends) and what to add. Answer: the live fields and amounts.
local now, live, last = tonumber(ARGV[1]), {}, 0

local function ends(field)
  return tonumber(string.match(field, '@(%-?%d+)$')) or 0
end

for i = 2, #ARGV, 2 do
  if ends(ARGV[i]) > now and redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) <= 0 then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end

local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local time = ends(all[i])
  if time <= now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    live[#live + 1], live[#live + 2] = all[i], all[i + 1]
    last = math.max(last, time)
  end
end

-- Redis' own timer only cleans up.
if last > now then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(last - now, 315360000000)))
end
return live
