#!lua
-- Writes a person as they were read, or not at all.
-- KEYS[1] <role>:<id>
-- ARGV[1] add, edit or remove  ARGV[2] edit, remove: the mark as it was read
-- ARGV[3] remove: the request  ARGV[4…] add, edit: fields and their values
-- Returns {"done"}, {"there"}: added or removed by the same request before,
--   {"changed"}: by somebody else since it was read, or {"none"}.
local KEPT_S = 172800
local fields = redis.call('HMGET', KEYS[1], 'name', 'mark', 'removed')
local name, mark, removed = fields[1], fields[2] or '', fields[3]
local act = ARGV[1]
if act == 'add' then
  if name or removed then return {'there'} end
elseif not name then
  return {act == 'remove' and removed == ARGV[3] and 'there' or 'none'}
elseif mark ~= ARGV[2] then
  return {'changed'}
end

if act == 'remove' then
  -- What is left tells a repeat of the request from another one.
  redis.call('HDEL', KEYS[1], 'name', 'phone')
  redis.call('HSET', KEYS[1], 'removed', ARGV[3])
  redis.call('EXPIRE', KEYS[1], KEPT_S)
else
  for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return {'done'}
