#!lua
-- Who sends for this partition?
-- KEYS[1] lease:{P}  KEYS[2] epoch:{P}
-- ARGV[1] instance  ARGV[2] the epoch that it holds, or 0  ARGV[3] what to do:
--   keep; take, also what was offered; rescue: take what nobody holds or was
--   offered; look; offer: give it to whoever has less than a fair share; free:
--   give it to anybody
-- ARGV[4] ms that a lease lives  ARGV[5] ms that an offer stands
-- Returns {"mine", epoch}, {"other"}, {"offered"} or {"free"}.
local OFFERED = '- 0'
local act = ARGV[3]
local lease = redis.call('GET', KEYS[1])
local last = redis.call('GET', KEYS[2])
local mine = ARGV[1] .. ' ' .. ARGV[2]

if act == 'offer' or act == 'free' then
  if lease ~= mine then
    return {lease and 'other' or 'free'}
  elseif act == 'offer' then
    redis.call('SET', KEYS[1], OFFERED, 'PX', ARGV[5])
    return {'offered'}
  end
  redis.call('DEL', KEYS[1])
  return {'free'}
end
if act == 'keep' then
  -- Lapsed, but nobody held it since: it is the same time in office.
  if lease == mine or (not lease and last == ARGV[2]) then
    redis.call('SET', KEYS[1], mine, 'PX', ARGV[4])
    return {'mine', ARGV[2]}
  end
elseif (act == 'take' and (not lease or lease == OFFERED)) or
       (act == 'rescue' and not lease) then
  local epoch = string.format('%.0f', redis.call('INCR', KEYS[2]))
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. epoch, 'PX', ARGV[4])
  return {'mine', epoch}
end
if not lease then return {'free'} end
return {lease == OFFERED and 'offered' or 'other'}
