#!lua
-- The id of a new person; the same one for the same request.
-- KEYS[1] {customers}:last  KEYS[2] {customers}:request:<key>
-- ARGV[1] hash of the content  ARGV[2] "1": the request's key holds for good
-- ARGV[3] then: who has this phone already, or ''
-- Returns {"ok", id}, {"again", id}, {"reused"} or, for good, {"made", id}: who
--   was there before, or has been removed since; nobody is made.
local KEPT_S = 172800
local there = redis.call('GET', KEYS[2])
if there then
  local id, content = string.match(there, '^(%d+) (.*)$')
  if ARGV[2] == '1' and (content == 'made' or content == 'removed') then
    return {'made', id}
  end
  if content ~= ARGV[1] then return {'reused'} end
  return {'again', id}
end
if ARGV[2] == '1' and ARGV[3] ~= '' then
  redis.call('SET', KEYS[2], ARGV[3] .. ' made')
  return {'made', ARGV[3]}
end
local id = string.format('%.0f', redis.call('INCR', KEYS[1]))
local mark = id .. ' ' .. ARGV[1]
if ARGV[2] == '1' then
  redis.call('SET', KEYS[2], mark)
else
  redis.call('SET', KEYS[2], mark, 'EX', KEPT_S)
end
return {'ok', id}
