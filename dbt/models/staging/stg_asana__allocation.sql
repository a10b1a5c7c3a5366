{{ asana_airbyte.staged('allocations', {
  'gid': 'text',
  'project_id': 'text',
  'assignee': 'json',
  'start_date': 'date',
  'end_date': 'date',
  'effort': 'json',
  'resource_subtype': 'text',
  'created_by': 'json'
}) }}
