{{ asana_airbyte.staged('rates', {
  'gid': 'text',
  'project_id': 'text',
  'target': 'json',
  'rate': 'number',
  'currency_code': 'text',
  'created_by': 'json'
}, renamed={'target': 'resource'}) }}
