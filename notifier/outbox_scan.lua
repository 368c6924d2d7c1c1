#!lua
-- What there is to send: new entries, and parked conversations that are due.
-- Texts stay where they are.
-- KEYS[1] outbox:{P}  KEYS[2] parked:{P}  KEYS[3] dead:{P}
-- ARGV[1] behind this entry, or ''  ARGV[2] the most entries
-- ARGV[3] the most conversations  ARGV[4] ms that a dead letter is kept
-- Returns {{id, ride, role, …}, {"<ride>:<role>", doubt, …}, dead letters};
-- doubt: when the first of its texts may have been sent, else 0.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local entries = {}
if tonumber(ARGV[2]) > 0 then
  local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
  local found = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])
  for i = 1, #found do
    local flat, ride, role = found[i][2], '', ''
    for j = 1, #flat, 2 do
      if flat[j] == 'ride' then ride = flat[j + 1] end
      if flat[j] == 'role' then role = flat[j + 1] end
    end
    entries[#entries + 1] = found[i][1]
    entries[#entries + 1] = ride
    entries[#entries + 1] = role
  end
end
local names = redis.call('ZRANGE', KEYS[2], '-inf',
                         string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0,
                         ARGV[3])
local due = {}
for i = 1, #names do
  local head = redis.call('LINDEX', KEYS[2] .. ':' .. names[i], 0)
  due[#due + 1] = names[i]
  due[#due + 1] =
    string.format('%.0f', head and cmsgpack.unpack(head)[8] or 0)
end
local dead = redis.call('ZCOUNT', KEYS[3],
                        string.format('(%.0f', now - ARGV[4]), '+inf')
return {entries, due, dead}
