{{ asana_airbyte.staged('attachments', {
  'gid': 'text',
  'name': 'text',
  'parent_id': 'text',
  'parent': 'json',
  'resource_subtype': 'text',
  'host': 'text',
  'size_bytes': 'integer',
  'created_at': 'time',
  'permanent_url': 'text',
  'connected_to_app': 'boolean'
}, renamed={'size_bytes': 'size'}) }}
