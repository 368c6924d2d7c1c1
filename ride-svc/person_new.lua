#!lua
-- The id of a new person; the same one for the same request.
-- KEYS[1] {customers}:last  KEYS[2] {customers}:request:<key>
-- ARGV[1] hash of the content
-- Returns {"ok", id}, {"again", id} or {"reused"}.
local KEPT_S = 172800
local there = redis.call('GET', KEYS[2])
if there then
  local id, content = string.match(there, '^(%d+) (.*)$')
  if content ~= ARGV[1] then return {'reused'} end
  return {'again', id}
end
local id = string.format('%.0f', redis.call('INCR', KEYS[1]))
redis.call('SET', KEYS[2], id .. ' ' .. ARGV[1], 'EX', KEPT_S)
return {'ok', id}
