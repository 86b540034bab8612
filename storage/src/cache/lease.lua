-- A lease, as one step: the one who has it renews it, and nobody else takes it before its time is over.
-- KEYS: the lease. ARGV: who, ms to hold it, or 0 to let it go. Answer: 1 if it is theirs now, or was theirs to let go.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
