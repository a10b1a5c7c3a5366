{{ asana_airbyte.staged('sections', {
  'gid': 'text',
  'name': 'text',
  'project_id': 'text',
  'created_at': 'time'
}) }}
